/** Loading large values of many records at a time: only so many bytes of them, in the order in which they are asked for. */
import type { Clock } from "../clock.ts";
import { inTime } from "./in-time.ts";
import { makeWhole, missingBytes, type Parted } from "./parted.ts";
import type { EngineValues } from "./payloads.ts";

/** Bytes that are loaded at the same time; what is larger by itself is loaded alone. */
const MOST = 32 * 1024 * 1024;

export class Loads {
  readonly #values: EngineValues | undefined;
  readonly #clock: Pick<Clock, "after">;
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  #bytes = 0;

  constructor(values: EngineValues | undefined, clock: Pick<Clock, "after">) {
    this.#values = values;
    this.#clock = clock;
  }

  /** Makes all of them whole, or none. @throws {PayloadError} */
  async load(tenant: string, parted: readonly Parted[]): Promise<void> {
    const bytes = missingBytes(parted);
    if (this.#waiting.length > 0 || !this.#fits(bytes))
      await new Promise<void>((go) => this.#waiting.push({ bytes, go }));
    else this.#bytes += bytes;
    try {
      await inTime(this.#clock, makeWhole(this.#values, tenant, parted));
    } finally {
      this.#bytes -= bytes;
      this.#goOn();
    }
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || this.#bytes + bytes <= MOST;
  }

  #goOn(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (!this.#fits(first.bytes)) return;
      this.#waiting.shift();
      this.#bytes += first.bytes;
      first.go();
    }
  }
}
