import { JqError, positionAt } from "../errors.ts";
import { isKeyword } from "./tokens.ts";
import type { Token, TokenKind } from "./tokens.ts";

const SPACE = /[ \t\r\n]+/y;
const COMMENT = /#(?:\\(?:\\|\r?\n)|[^\n\\]|\\)*/y;
const NAME = /(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*/y;
const FIELD = /\.[A-Za-z_]\w*/y;
const VARIABLE = /\$(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const FORMAT = /@\w+/y;
const OPERATOR = /\?\/\/|\/\/=|\/\/|[!=<>|+\-*/%]=|\.\.|[.?=;,:|+\-*/%<>$[\](){}]/y;
const PLAIN_TEXT = /[^"\\]+/y;
const ESCAPE = /\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])/y;

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

const CLOSERS: Readonly<Record<string, string>> = { "(": ")", "[": "]", "{": "}" };

/** Strings nest programs, so the lexer keeps what each open delimiter waits for. */
class Lexer {
  private readonly source: string;
  private readonly tokens: Token[] = [];
  /** Open delimiters: a closer, or `interpolation` for the `)` that returns to a string. */
  private readonly open: string[] = [];
  private at = 0;

  constructor(source: string) {
    this.source = source;
  }

  run(): Token[] {
    while (this.skipBlank()) this.step();
    if (this.open.includes("interpolation")) this.fail(this.at, "unterminated string literal");
    this.push("end", "", this.at);
    return this.tokens;
  }

  private fail(offset: number, message: string): never {
    throw new JqError("syntax", `syntax error: ${message}`, {
      position: positionAt(this.source, offset),
    });
  }

  private push(kind: TokenKind, text: string, offset: number): void {
    this.tokens.push({ kind, text, offset });
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    if (found === null) return undefined;
    this.at += found[0].length;
    return found[0];
  }

  private skipBlank(): boolean {
    while (this.match(SPACE) !== undefined || this.match(COMMENT) !== undefined);
    return this.at < this.source.length;
  }

  private step(): void {
    const offset = this.at;
    const char = this.source[offset] as string;
    if (char === '"') {
      this.at += 1;
      this.push("string-start", "", offset);
      this.string();
      return;
    }
    const word = this.match(NAME);
    if (word !== undefined) {
      this.push(isKeyword(word) ? "keyword" : "name", word, offset);
      return;
    }
    if (this.sigil(offset)) return;
    const operator = this.match(OPERATOR);
    if (operator === undefined) this.fail(offset, `unexpected character ${JSON.stringify(char)}`);
    else this.operator(operator, offset);
  }

  /** Tokens a leading `.`, `$`, `@` or digit announces. */
  private sigil(offset: number): boolean {
    const number = this.match(NUMBER);
    if (number !== undefined) this.push("number", number, offset);
    else {
      const field = this.match(FIELD);
      const variable = field === undefined ? this.match(VARIABLE) : undefined;
      const format = field === undefined && variable === undefined ? this.match(FORMAT) : undefined;
      if (field !== undefined) this.push("field", field.slice(1), offset);
      else if (variable !== undefined) this.push("variable", variable.slice(1), offset);
      else if (format !== undefined) this.push("format", format.slice(1), offset);
      else return false;
    }
    return true;
  }

  private operator(text: string, offset: number): void {
    const closer = CLOSERS[text];
    if (closer !== undefined) this.open.push(closer);
    else if (text === ")" || text === "]" || text === "}") {
      const expected = this.open.pop();
      if (expected === "interpolation" && text === ")") {
        this.push("interpolation-end", text, offset);
        this.string();
        return;
      }
      if (expected !== text) this.fail(offset, `unexpected '${text}'`);
    }
    this.push("operator", text, offset);
  }

  /** The rest of a string literal, up to its end or its next interpolation. */
  private string(): void {
    const start = this.at;
    let text = "";
    for (;;) {
      const plain = this.match(PLAIN_TEXT);
      if (plain !== undefined) text += plain;
      const char = this.source[this.at];
      if (char === undefined) this.fail(start - 1, "unterminated string literal");
      if (char === '"') break;
      if (plain !== undefined && char !== "\\") continue;
      if (this.source.startsWith("\\(", this.at)) {
        if (text !== "") this.push("string-text", text, start);
        this.push("interpolation-start", "\\(", this.at);
        this.at += 2;
        this.open.push("interpolation");
        return;
      }
      text += this.escape();
    }
    if (text !== "") this.push("string-text", text, start);
    this.push("string-end", '"', this.at);
    this.at += 1;
  }

  private escape(): string {
    const offset = this.at;
    const escape = this.match(ESCAPE);
    if (escape === undefined) return this.fail(offset, "Invalid escape in a string literal");
    if (escape[1] !== "u") return ESCAPES[escape[1] as string] as string;
    const unit = Number.parseInt(escape.slice(2), 16);
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    const low = unit < 0xdc00 ? this.match(ESCAPE) : undefined;
    const second = low?.[1] === "u" ? Number.parseInt(low.slice(2), 16) : 0;
    if (second >= 0xdc00 && second <= 0xdfff) return String.fromCharCode(unit, second);
    return this.fail(offset, "Invalid \\uXXXX\\uXXXX surrogate pair escape");
  }
}

/** Splits a program into tokens; throws a syntax JqError. */
export function tokenize(source: string): Token[] {
  return new Lexer(source).run();
}
