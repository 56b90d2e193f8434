/** A JSON parser that accepts what jq accepts and fails in jq's words, without recursion. */
import { charge, number } from "../budget/budget.ts";
import type { Json, JsonObject } from "./json.ts";
import { parseNumber } from "./numbers.ts";
import { putKey } from "./objects.ts";

interface Frame {
  readonly items: Json[] | undefined;
  readonly object: JsonObject | undefined;
  /** The key waiting for its value. */
  key: string | undefined;
  count: number;
}

interface Parsed {
  readonly value: Json;
}

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

const WORDS: Readonly<Record<string, Json>> = { true: true, false: false, null: null };
// oxlint-disable-next-line no-control-regex -- JSON forbids exactly these
const CONTROL = /[\u0000-\u001f]/;

/** jq counts bytes of UTF-8; either half of a surrogate pair is two of the four. */
function columnsOf(unit: string): number {
  const code = unit.charCodeAt(0);
  if (code < 0x80) return 1;
  return code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 2 : 3;
}

export class LenientParser {
  private readonly text: string;
  private readonly maxDepth: number;
  private readonly stack: Frame[] = [];
  private at = 0;
  private line = 1;
  private column = 0;
  private token = "";
  private next: Json | undefined;
  private done: Json | undefined;

  constructor(text: string, maxDepth: number) {
    this.text = text.startsWith("\ufeff") ? text.slice(1) : text;
    this.maxDepth = maxDepth;
  }

  /** The value, or the message of jq's error. */
  parse(): Parsed | string {
    while (this.at < this.text.length) {
      const problem = this.scan();
      if (problem !== undefined) return `${problem} at line ${this.line}, column ${this.column}`;
    }
    const problem = this.word() ?? (this.stack.length > 0 ? "Unfinished JSON term" : undefined);
    if (problem !== undefined) {
      return `${problem} at EOF at line ${this.line}, column ${this.column}`;
    }
    if (this.done !== undefined && this.next !== undefined) return "Unexpected extra JSON values";
    const value = this.done ?? this.next;
    return value === undefined ? "Expected JSON value" : { value };
  }

  private advance(): string {
    const char = this.text[this.at] as string;
    this.at += 1;
    this.column += columnsOf(char);
    if (char === "\n") {
      this.line += 1;
      this.column = 0;
    }
    return char;
  }

  private scan(): string | undefined {
    const char = this.advance();
    charge(1);
    switch (char) {
      case " ":
      case "\t":
      case "\r":
      case "\n":
        return this.word();
      case '"':
        return this.word() ?? this.string();
      case "[":
      case "{":
      case "]":
      case "}":
      case ",":
      case ":":
        return this.word() ?? this.structure(char);
      default:
        this.token += char;
        return undefined;
    }
  }

  /** Takes a finished value; a second one at top level ends the text. */
  private value(value: Json): string | undefined {
    if (this.next !== undefined) {
      if (this.stack.length > 0) return "Expected separator between values";
      this.done = this.next;
    }
    this.next = value;
    return undefined;
  }

  private word(): string | undefined {
    const { token } = this;
    if (token === "") return undefined;
    this.token = "";
    const [first, second] = token;
    if (first === "'") return "Invalid string literal; expected \", but got '";
    if (first === "t" || first === "f" || (first === "n" && second === "u")) {
      return Object.hasOwn(WORDS, token) ? this.value(WORDS[token] as Json) : "Invalid literal";
    }
    const parsed = parseNumber(token);
    return parsed === undefined ? "Invalid numeric literal" : this.value(number(parsed));
  }

  private string(): string | undefined {
    let raw = "";
    for (;;) {
      if (this.at >= this.text.length) return "Unfinished string at EOF";
      const char = this.advance();
      if (char === '"') break;
      raw += char;
      if (char === "\\" && this.at < this.text.length) raw += this.advance();
    }
    return this.decode(raw);
  }

  private decode(raw: string): string | undefined {
    let out = "";
    let failure: string | undefined;
    for (let i = 0; i < raw.length && failure === undefined; i += 1) {
      const char = raw[i] as string;
      if (char !== "\\") {
        if (CONTROL.test(char)) {
          failure = "Invalid string: control characters from U+0000 through U+001F must be escaped";
        }
        out += char;
        continue;
      }
      i += 1;
      const escape = raw[i] as string;
      if (escape === "u") {
        const hex = raw.slice(i + 1, i + 5);
        if (hex.length < 4) failure = "Invalid \\uXXXX escape";
        else if (!/^[0-9a-fA-F]{4}$/.test(hex)) failure = "Invalid characters in \\uXXXX escape";
        out += String.fromCharCode(Number.parseInt(hex, 16));
        i += 4;
      } else if (Object.hasOwn(ESCAPES, escape)) out += ESCAPES[escape] as string;
      else failure = "Invalid escape";
    }
    return failure ?? this.value(out);
  }

  private structure(char: string): string | undefined {
    const top = this.stack[this.stack.length - 1];
    switch (char) {
      case "[":
      case "{":
        return this.open(char);
      case ":":
        return this.colon(top);
      case ",":
        return this.comma(top);
      default:
        return char === "]" ? this.closeArray(top) : this.closeObject(top);
    }
  }

  private open(char: string): string | undefined {
    if (this.stack.length >= this.maxDepth) return "Exceeds depth limit for parsing";
    if (this.next !== undefined) {
      if (this.stack.length > 0) return "Expected separator between values";
      this.done = this.next;
      this.next = undefined;
    }
    const isArray = char === "[";
    this.stack.push({
      items: isArray ? [] : undefined,
      object: isArray ? undefined : {},
      key: undefined,
      count: 0,
    });
    return undefined;
  }

  private colon(top: Frame | undefined): string | undefined {
    // At the top a value is finished with whatever follows it, so here it is no longer there.
    if (this.next === undefined || top === undefined) return "Expected string key before ':'";
    if (top.object === undefined || top.key !== undefined) return "':' not as part of an object";
    if (typeof this.next !== "string") return "Object keys must be strings";
    top.key = this.next;
    this.next = undefined;
    return undefined;
  }

  private comma(top: Frame | undefined): string | undefined {
    if (this.next === undefined || top === undefined) return "Expected value before ','";
    return this.store(top);
  }

  private store(top: Frame): string | undefined {
    const value = this.next as Json;
    if (top.items !== undefined) top.items.push(value);
    else if (top.key === undefined) return "Objects must consist of key:value pairs";
    else putKey(top.object as JsonObject, top.key, value);
    top.key = undefined;
    top.count += 1;
    this.next = undefined;
    return undefined;
  }

  private closeArray(top: Frame | undefined): string | undefined {
    if (top?.items === undefined) return "Unmatched ']'";
    if (this.next !== undefined) this.store(top);
    else if (top.count > 0) return "Expected another array element";
    this.stack.pop();
    this.next = top.items;
    return undefined;
  }

  private closeObject(top: Frame | undefined): string | undefined {
    if (top?.object === undefined) return "Unmatched '}'";
    if (this.next !== undefined) {
      const problem = this.store(top);
      if (problem !== undefined) return problem;
    } else if (top.key !== undefined) return "Unmatched '}'";
    else if (top.count > 0) return "Expected another key-value pair";
    this.stack.pop();
    this.next = top.object;
    return undefined;
  }
}
