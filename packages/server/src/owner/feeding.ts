/**
 * The values that one running activity brings its instance: one at a time. A value is *pending* from when the executor gives
 * it until the instance, which has it durably by then, asks for the next one or wants no more.
 */
import type { Json } from "@millrace/language";
import type { Feed } from "../activities/executor.ts";

export interface Item {
  readonly itemId: string;
  readonly item: Json;
}

interface Pending extends Item {
  /** The instance has it durably. */
  taken: boolean;
  readonly resolve: (answer: "more" | "enough") => void;
  readonly reject: (error: Error) => void;
}

export class Feeding {
  readonly #attempt: number;
  readonly #submit: (item: Item) => void;
  #count = 0;
  #pending: Pending | undefined;
  #over = false;

  /** @param submit hands a value to the instance; one that it does not take now is handed over again */
  constructor(attempt: number, submit: (item: Item) => void) {
    this.#attempt = attempt;
    this.#submit = submit;
  }

  /** True once a value was given. */
  get begun(): boolean {
    return this.#count > 0;
  }

  readonly feed: Feed = (item) => {
    if (this.#over) return Promise.reject(gone());
    if (this.#pending !== undefined) throw new Error("one value at a time");
    this.#count += 1;
    const itemId = `${this.#attempt}.${this.#count}`;
    return new Promise((resolve, reject) => {
      this.#pending = { itemId, item, taken: false, resolve, reject };
      this.#submit({ itemId, item });
    });
  };

  /** The instance is done with the value of this id; if that is an earlier executor's, ours was not looked at yet. */
  next(itemId: string): void {
    if (this.#pending === undefined) return;
    if (this.#pending.itemId === itemId) this.#take()?.resolve("more");
    else this.#submit(this.#pending);
  }

  /** The instance has the value of this id. */
  taken(itemId: string): void {
    if (this.#pending?.itemId === itemId) this.#pending.taken = true;
  }

  /** No more values are wanted, or they are wanted from another executor. */
  end(): void {
    this.#over = true;
    const pending = this.#take();
    if (pending?.taken === true) pending.resolve("enough");
    else pending?.reject(gone());
  }

  #take(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }
}

function gone(): Error {
  return new Error("nobody takes what the activity brings");
}
