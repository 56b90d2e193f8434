/** Says what happens, and on a terminal keeps a last line that tells how far things are. */

const REFRESH_MS = 100;
/** Return to the line's beginning and erase it (ECMA-48). */
const CLEAR = "\r\u001b[2K";

export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #line: () => string;
  readonly #ticks: NodeJS.Timeout | undefined;

  /** @param line how far things are; asked again and again */
  constructor(out: NodeJS.WriteStream, line: () => string) {
    this.#out = out;
    this.#line = line;
    this.#ticks = out.isTTY ? setInterval(() => this.#show(), REFRESH_MS) : undefined;
  }

  /** A line that stays. */
  say(text: string): void {
    this.#out.write(`${this.#ticks === undefined ? "" : CLEAR}${text}\n`);
    if (this.#ticks !== undefined) this.#show();
  }

  /** The last line goes away. */
  end(): void {
    if (this.#ticks === undefined) return;
    clearInterval(this.#ticks);
    this.#out.write(CLEAR);
  }

  #show(): void {
    this.#out.write(`${CLEAR}${this.#line().slice(0, Math.max(0, (this.#out.columns || 80) - 1))}`);
  }
}
