/** A pattern's characters, and the errors Oniguruma gives for them. */
import { fail } from "../errors.ts";
import { toPoints } from "../values/strings.ts";

export class Reader {
  private readonly points: readonly number[];
  at = 0;

  constructor(pattern: string) {
    this.points = toPoints(pattern);
  }

  get done(): boolean {
    return this.at >= this.points.length;
  }

  /** The character some places ahead, or an empty string. */
  peek(ahead = 0): string {
    const point = this.points[this.at + ahead];
    return point === undefined ? "" : String.fromCodePoint(point);
  }

  next(): string {
    const char = this.peek();
    this.at += 1;
    return char;
  }

  take(text: string): boolean {
    for (let i = 0; i < text.length; i += 1) if (this.peek(i) !== text[i]) return false;
    this.at += text.length;
    return true;
  }

  /** The longest run of characters that a one-character pattern accepts. */
  takeWhile(pattern: RegExp, most = Number.POSITIVE_INFINITY): string {
    let text = "";
    while (text.length < most && !this.done && pattern.test(this.peek())) text += this.next();
    return text;
  }

  /** The text up to a terminator, which is consumed; undefined when there is none. */
  takeUntil(end: string): string | undefined {
    const start = this.at;
    let text = "";
    while (!this.done) {
      const char = this.next();
      if (char === end) return text;
      text += char;
    }
    this.at = start;
    return undefined;
  }
}

export function regexError(message: string): never {
  return fail(`Regex failure: ${message}`);
}
