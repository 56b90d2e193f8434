/** Parses Oniguruma's Perl_NG syntax, the one jq uses. */
import { charge } from "../budget/budget.ts";
import type { ParsedPattern, PatternNode } from "./ast.ts";
import { parseBrackets } from "./brackets.ts";
import { isNewline, not } from "./classes.ts";
import { charEscape, classEscape } from "./escapes.ts";
import { parseQuantifier } from "./quantifiers.ts";
import { Reader, regexError } from "./reader.ts";

/** Options, changeable within a pattern by `(?imsx-imsx)`. */
export interface PatternOptions {
  readonly ignoreCase: boolean;
  readonly extended: boolean;
  readonly dotAll: boolean;
  /** `^` and `$` match at lines, not only at the ends of the text. */
  readonly lines: boolean;
}

const MAX_NESTING = 250;
const EMPTY: PatternNode = { kind: "empty" };

interface PendingName {
  readonly name: string;
  readonly use: (groups: readonly number[]) => void;
}

class PatternParser {
  private readonly reader: Reader;
  private readonly names: (string | null)[] = [null];
  private readonly pending: PendingName[] = [];
  private options: PatternOptions;
  private nesting = 0;

  constructor(pattern: string, options: PatternOptions) {
    this.reader = new Reader(pattern);
    this.options = options;
  }

  parse(): ParsedPattern {
    const root = this.choice();
    if (!this.reader.done) regexError("unmatched close parenthesis");
    for (const { name, use } of this.pending) use(this.resolve(name));
    return { root, groups: this.names.length - 1, names: this.names };
  }

  /** Groups a name or a number, absolute or relative, refers to. */
  private resolve(name: string): number[] {
    if (/^\d+$/.test(name)) {
      const index = Number(name);
      return index < this.names.length ? [index] : regexError("invalid backref number/name");
    }
    const found = [...this.names.keys()].filter((index) => this.names[index] === name);
    return found.length > 0 ? found : regexError(`undefined name <${name}> reference`);
  }

  private choice(): PatternNode {
    this.nesting += 1;
    if (this.nesting > MAX_NESTING) regexError("too deep nest level of parentheses");
    const before = this.options;
    const options = [this.sequence()];
    while (this.reader.take("|")) options.push(this.sequence());
    this.options = before;
    this.nesting -= 1;
    return options.length === 1 ? (options[0] as PatternNode) : { kind: "choice", options };
  }

  private sequence(): PatternNode {
    const items: PatternNode[] = [];
    const { reader } = this;
    while (!reader.done && reader.peek() !== "|" && reader.peek() !== ")") {
      charge(1);
      if (this.options.extended && this.skipBlank()) continue;
      const atom = this.atom();
      if (atom === undefined) continue;
      items.push(this.quantified(atom));
    }
    if (items.length === 0) return EMPTY;
    return items.length === 1 ? (items[0] as PatternNode) : { kind: "sequence", items };
  }

  private skipBlank(): boolean {
    const { reader } = this;
    if (reader.takeWhile(/[ \t\n\r\f\v]/) !== "") return true;
    if (!reader.take("#")) return false;
    reader.takeWhile(/[^\n]/);
    return true;
  }

  private quantified(atom: PatternNode): PatternNode {
    let node = atom;
    for (;;) {
      if (this.options.extended) while (this.skipBlank());
      const repeat = parseQuantifier(this.reader, node);
      if (repeat === undefined) return node;
      node = repeat;
    }
  }

  private char(point: number): PatternNode {
    return { kind: "char", point, ignoreCase: this.options.ignoreCase };
  }

  /** One atom; undefined for things that match nothing of themselves, such as comments. */
  private atom(): PatternNode | undefined {
    const { reader } = this;
    const char = reader.next();
    switch (char) {
      case "(":
        return this.group();
      case "[":
        return { kind: "class", test: parseBrackets(reader, this.options.ignoreCase) };
      case ".":
        return { kind: "class", test: this.options.dotAll ? () => true : not(isNewline) };
      case "^":
        return { kind: "anchor", anchor: this.options.lines ? "line-start" : "text-start" };
      case "$":
        return {
          kind: "anchor",
          anchor: this.options.lines ? "line-end" : "text-end-or-last-newline",
        };
      case "*":
      case "+":
      case "?":
        return regexError("target of repeat operator is not specified");
      case "\\":
        return this.escape();
      default:
        return this.char(char.codePointAt(0) as number);
    }
  }

  private escape(): PatternNode | undefined {
    const { reader } = this;
    const letter = reader.next();
    switch (letter) {
      case "A":
        return { kind: "anchor", anchor: "text-start" };
      case "Z":
        return { kind: "anchor", anchor: "text-end-or-last-newline" };
      case "z":
        return { kind: "anchor", anchor: "text-end" };
      case "G":
        return { kind: "anchor", anchor: "search-start" };
      case "b":
        return { kind: "anchor", anchor: "word-boundary" };
      case "B":
        return { kind: "anchor", anchor: "no-word-boundary" };
      case "K":
        return { kind: "keep" };
      case "N":
        return { kind: "class", test: not(isNewline) };
      case "O":
        return { kind: "class", test: () => true };
      case "R":
        return lineBreak();
      case "Q":
        return this.literal();
      case "k":
      case "g":
        return this.reference(letter);
      default:
        return this.plainEscape(letter);
    }
  }

  private plainEscape(letter: string): PatternNode {
    const test = classEscape(letter, this.reader);
    if (test !== undefined) return { kind: "class", test };
    if (/[1-9]/.test(letter)) {
      const digits = letter + this.reader.takeWhile(/\d/, 2);
      const group = Number(digits);
      if (group < this.names.length || group < 10) return this.backreference(digits);
      if (/^[0-7]+$/.test(digits)) return this.char(Number.parseInt(digits, 8));
      return regexError("invalid backref number/name");
    }
    return this.char(charEscape(letter, this.reader));
  }

  /** `\Q...\E` */
  private literal(): PatternNode {
    const items: PatternNode[] = [];
    while (!this.reader.done && !this.reader.take("\\E")) {
      items.push(this.char(this.reader.next().codePointAt(0) as number));
    }
    return { kind: "sequence", items };
  }

  private backreference(name: string): PatternNode {
    const groups: number[] = [];
    this.pending.push({ name, use: (found) => groups.push(...found) });
    return { kind: "backreference", groups, ignoreCase: this.options.ignoreCase };
  }

  /** `\k<name>` refers to what a group matched, `\g<name>` matches the group again. */
  private reference(letter: string): PatternNode {
    const { reader } = this;
    const quote = reader.next();
    if (quote !== "<" && quote !== "'") return this.char(letter.codePointAt(0) as number);
    let name = reader.takeUntil(quote === "<" ? ">" : "'") ?? regexError("invalid group name <>");
    if (name === "") regexError("group name is empty");
    if (/^[-+]\d+$/.test(name)) {
      const offset = Number(name);
      name = String(offset < 0 ? this.names.length + offset : this.names.length - 1 + offset);
    }
    if (letter === "k") return this.backreference(name);
    const call = { kind: "call" as const, index: 0 };
    this.pending.push({
      name,
      use: ([index]) => {
        call.index = index as number;
      },
    });
    return call;
  }

  private group(): PatternNode | undefined {
    const { reader } = this;
    if (!reader.take("?")) return this.capture(null);
    if (reader.take("#")) {
      if (reader.takeUntil(")") === undefined) regexError("end pattern in group");
      return undefined;
    }
    if (reader.take(":")) return this.close(this.choice());
    if (reader.take("=")) return this.look(false, false);
    if (reader.take("!")) return this.look(false, true);
    if (reader.take("<=")) return this.look(true, false);
    if (reader.take("<!")) return this.look(true, true);
    if (reader.take(">")) return { kind: "atomic", body: this.close(this.choice()) };
    if (reader.take("P<") || reader.take("<")) return this.named(">");
    if (reader.take("'")) return this.named("'");
    if (reader.take("(")) return this.condition();
    return this.optionGroup();
  }

  private close<T>(inner: T): T {
    if (!this.reader.take(")")) regexError("end pattern with unmatched parenthesis");
    return inner;
  }

  private capture(name: string | null): PatternNode {
    const index = this.names.length;
    this.names.push(name);
    return { kind: "capture", index, body: this.close(this.choice()) };
  }

  private named(end: string): PatternNode {
    const name = this.reader.takeUntil(end);
    if (name === undefined) return regexError("end pattern in group");
    if (name === "") return regexError("group name is empty");
    if (!/^[\p{L}_][\p{L}\p{M}\p{N}_]*$/u.test(name))
      return regexError(`invalid group name <${name}>`);
    return this.capture(name);
  }

  private look(behind: boolean, negative: boolean): PatternNode {
    return { kind: "look", behind, negative, body: this.close(this.choice()) };
  }

  /** `(?(group)yes|no)` */
  private condition(): PatternNode {
    const { reader } = this;
    const name = reader.takeUntil(")") ?? regexError("end pattern in group");
    const [group] = this.resolve(name.replace(/^<(.*)>$|^'(.*)'$/, "$1$2"));
    const body = this.close(this.choice());
    if (body.kind !== "choice")
      return { kind: "condition", group: group as number, yes: body, no: EMPTY };
    const [yes, no, ...more] = body.options as [PatternNode, PatternNode];
    if (more.length > 0) return regexError("invalid conditional pattern");
    return { kind: "condition", group: group as number, yes, no };
  }

  /** `(?i-x)` for the rest of the group, `(?i-x:...)` for a group of its own. */
  private optionGroup(): PatternNode | undefined {
    const { reader } = this;
    const before = this.options;
    const on = reader.takeWhile(/[imsx]/);
    const off = reader.take("-") ? reader.takeWhile(/[imsx]/) : "";
    this.options = {
      ignoreCase: switched(before.ignoreCase, "i", on, off),
      extended: switched(before.extended, "x", on, off),
      dotAll: switched(before.dotAll, "s", on, off),
      lines: switched(before.lines, "m", on, off),
    };
    if (reader.take(")")) return undefined;
    if (!reader.take(":")) {
      return regexError(reader.done ? "end pattern in group" : "undefined group option");
    }
    const body = this.close(this.choice());
    this.options = before;
    return body;
  }
}

function switched(before: boolean, letter: string, on: string, off: string): boolean {
  return off.includes(letter) ? false : before || on.includes(letter);
}

/** `\R`: any line break, CR LF taken as one. */
function lineBreak(): PatternNode {
  const char = (point: number): PatternNode => ({ kind: "char", point, ignoreCase: false });
  const one = (point: number): boolean =>
    (point >= 10 && point <= 13) || point === 0x85 || point === 0x2028 || point === 0x2029;
  const pair: PatternNode = { kind: "sequence", items: [char(13), char(10)] };
  return {
    kind: "atomic",
    body: { kind: "choice", options: [pair, { kind: "class", test: one }] },
  };
}

/** Parses a pattern; raises jq's error for a malformed one. */
export function parsePattern(pattern: string, options: PatternOptions): ParsedPattern {
  return new PatternParser(pattern, options).parse();
}
