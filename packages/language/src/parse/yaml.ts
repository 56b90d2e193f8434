/**
 * The safe front door: YAML or JSON text into plain JSON, with places for issues.
 *
 * Definitions come from people outside, so nothing here trusts the text: size, depth, number of nodes (aliases counted
 * each time they are used), duplicate keys, keys that are not strings, `__proto__`, and cycles all end in an issue.
 * YAML 1.2 core schema, one document, no custom tags, no merge keys.
 */
import {
  type Alias,
  Composer,
  isAlias,
  isScalar,
  isSeq,
  LineCounter,
  Parser,
  YAMLParseError,
} from "yaml";
import type { CST, Document, Node, Pair, ParsedNode, Scalar, YAMLMap } from "yaml";
import { makeIssue } from "../issue.ts";
import type { Issue, IssueCode, Segment } from "../issue.ts";
import type { Json } from "../json.ts";
import { aliasTargets } from "./aliases.ts";
import { nestsTooDeep } from "./depth.ts";
import { makeLocate } from "./locate.ts";

export interface ParseLimits {
  /** Most UTF-8 bytes of text; 1 MiB unless given. */
  readonly maxBytes?: number;
  /** Deepest nesting of lists and objects; 256 unless given. */
  readonly maxDepth?: number;
  /** Most values, aliases counted at each use; 100,000 unless given. */
  readonly maxNodes?: number;
}

export interface ParseOptions extends ParseLimits {
  /** Name shown in issues. */
  readonly file?: string;
}

export interface Parsed {
  /** Absent when there are issues. */
  readonly value: Json | undefined;
  readonly issues: readonly Issue[];
  /** Adds file, line and column to an issue, and a hint where the text explains the mistake. */
  locate(issue: Issue): Issue;
}

const MAX_BYTES = 1_048_576;
const MAX_DEPTH = 256;
const MAX_NODES = 100_000;
/** Issues beyond this many help nobody. */
const MAX_ISSUES = 20;

/** Parses YAML (of which JSON is a part) into plain JSON. */
export function parseYaml(text: string, options: ParseOptions = {}): Parsed {
  const name = (issue: Issue): Issue =>
    options.file === undefined ? issue : { ...issue, file: options.file };
  const fail = (...issues: readonly Issue[]): Parsed => ({
    value: undefined,
    issues: issues.map(name),
    locate: name,
  });
  const refusal = refuseText(text, options);
  if (refusal !== undefined) return fail(refusal);
  const lines = linesOf(text);
  const document = parseText(text);
  if (typeof document === "string") return fail(makeIssue("yaml", [], document));
  const { errors } = document;
  if (errors.some(({ message }) => message.includes("call stack"))) {
    return fail(makeIssue("limit", [], "nested too deep to be read"));
  }
  if (errors.length > 0) {
    return fail(...errors.slice(0, MAX_ISSUES).map((error) => syntaxIssue(error, lines)));
  }
  const reader = new Reader(lines, document, options);
  const value = reader.read(document.contents, [], 0);
  if (reader.issues.length > 0) return fail(...reader.issues);
  const place = makeLocate(document, lines, text);
  return { value, issues: [], locate: (issue) => name(place(issue)) };
}

/** Where each line begins. (Handed to the parser, the counter misses the lines inside what the parser gives up on.) */
function linesOf(text: string): LineCounter {
  const lines = new LineCounter();
  lines.addNewLine(0);
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
    lines.addNewLine(at + 1);
  }
  return lines;
}

/** The document, or why there is none. */
function parseText(text: string): Document.Parsed | string {
  try {
    const composer = new Composer({
      version: "1.2",
      schema: "core",
      strict: true,
      // The parser compares every key with every other; the reader does it in one pass.
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
    });
    const tokens = untilHopeless(new Parser().parse(text));
    const [document, another] = composer.compose(tokens, true, text.length);
    if (document === undefined) return "cannot be read: there is no document";
    if (another !== undefined) {
      const [from, to] = another.range;
      document.errors.push(new YAMLParseError([from, to], "MULTIPLE_DOCS", "a second document"));
    }
    return document;
  } catch (error) {
    // The parser recurses; a text made to exhaust its stack is refused like any other bad text.
    return `cannot be read: ${error instanceof RangeError ? "nested too deep" : String(error)}`;
  }
}

/** Ends after some errors: a text can have one for every line, each dear to make, and only the first are shown. */
function* untilHopeless(tokens: Iterable<CST.Token>): Generator<CST.Token> {
  let errors = 0;
  for (const token of tokens) {
    yield token;
    if (token.type === "error") errors += 1;
    if (errors > MAX_ISSUES) return;
  }
}

function refuseText(text: string, options: ParseOptions): Issue | undefined {
  const { maxBytes = MAX_BYTES, maxDepth = MAX_DEPTH } = options;
  if (byteLength(text) > maxBytes) {
    return makeIssue("limit", [], `larger than ${maxBytes} bytes`);
  }
  if (text.trim() === "") return makeIssue("yaml", [], "empty: expected a workflow definition");
  if (nestsTooDeep(text, maxDepth))
    return makeIssue("limit", [], `nested deeper than ${maxDepth} levels`);
  return refuseCharacters(text);
}

/**
 * What neither YAML 1.2 (section 5.1) nor JSON allows anywhere: control characters, halves of surrogate pairs, and the two
 * noncharacters at the end of the plane.
 */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const UNPRINTABLE = /[\0-\x08\x0B\x0C\x0E-\x1F\p{Cs}\uFFFE\uFFFF]/u;

function refuseCharacters(text: string): Issue | undefined {
  const found = UNPRINTABLE.exec(text);
  if (found === null) return undefined;
  const code = found[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
  const before = text.slice(0, found.index).split("\n");
  return makeIssue(
    "yaml",
    [],
    `the character U+${code} may not stand here; in double quotes, write it as an escape`,
    { line: before.length, column: (before.at(-1) ?? "").length + 1 },
  );
}

/** UTF-8 length, without an encoder (none is at hand everywhere this runs). */
function byteLength(text: string): number {
  let bytes = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) bytes++;
    // A surrogate pair is four bytes: two units, one extra each.
    if (unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff)) bytes++;
  }
  return bytes;
}

function syntaxIssue(
  error: { code: string; message: string; pos: [number, number] },
  lines: LineCounter,
): Issue {
  const { line, col } = lines.linePos(error.pos[0]);
  const place = { line, column: col };
  switch (error.code) {
    case "TAB_AS_INDENT":
      return makeIssue("yaml", [], "indent with spaces, not tabs", place);
    case "MULTIPLE_DOCS":
      return makeIssue(
        "yaml",
        [],
        "one definition per file: remove the second document (---)",
        place,
      );
    default:
      return makeIssue("yaml", [], error.message, place);
  }
}

/** What the core schema calls its own types; a tag of these only says what is so anyway. */
const TAGS: ReadonlySet<string> = new Set(
  ["str", "int", "float", "bool", "null", "map", "seq"].map((name) => `tag:yaml.org,2002:${name}`),
);

class Reader {
  readonly issues: Issue[] = [];
  private readonly lines: LineCounter;
  private readonly document: Document.Parsed;
  private readonly maxDepth: number;
  private readonly maxNodes: number;
  /** Nodes being read, to see an alias that stands inside its own anchor. */
  private readonly open = new Set<Node>();
  private nodes = 0;
  private aliases: ReadonlyMap<Alias, Node> | undefined;

  constructor(lines: LineCounter, document: Document.Parsed, limits: ParseLimits) {
    this.lines = lines;
    this.document = document;
    this.maxDepth = limits.maxDepth ?? MAX_DEPTH;
    this.maxNodes = limits.maxNodes ?? MAX_NODES;
  }

  read(node: Node | null, path: Segment[], depth: number): Json {
    if (node === null || this.issues.length >= MAX_ISSUES) return null;
    // An alias counts as what it stands for.
    if (isAlias(node)) return this.readAlias(node, path, depth);
    if (++this.nodes > this.maxNodes) {
      if (this.nodes === this.maxNodes + 1) {
        this.report(
          "limit",
          `more than ${this.maxNodes} values (aliases count each time)`,
          node,
          path,
        );
      }
      return null;
    }
    if (depth > this.maxDepth) {
      this.report("limit", `nested deeper than ${this.maxDepth} levels`, node, path);
      return null;
    }
    if (node.tag !== undefined && !TAGS.has(node.tag)) {
      this.report("yaml", `the tag ${node.tag} is not supported`, node, path);
    }
    if (isScalar(node)) return this.readScalar(node, path);
    if (this.open.has(node)) {
      this.report("yaml", "this anchor contains itself", node, path);
      return null;
    }
    this.open.add(node);
    const value = isSeq(node)
      ? node.items.map((item, index) => this.read(item as Node, [...path, index], depth + 1))
      : this.readMap(node as YAMLMap<ParsedNode, ParsedNode | null>, path, depth);
    this.open.delete(node);
    return value;
  }

  private readAlias(node: Alias, path: Segment[], depth: number): Json {
    this.aliases ??= aliasTargets(this.document);
    const target = this.aliases.get(node);
    if (target === undefined) {
      this.report("yaml", "this alias has no anchor", node, path);
      return null;
    }
    // An alias opens no level in the text, but following chains of them must end.
    return this.read(target, path, depth + 1);
  }

  private readScalar(node: Scalar, path: Segment[]): Json {
    const { value } = node;
    if (typeof value === "number" && !Number.isFinite(value)) {
      this.report("yaml", "not a JSON number; put it in quotes if it is text", node, path);
      return null;
    }
    switch (typeof value) {
      case "string":
      case "number":
      case "boolean":
        return value;
      default:
        return null;
    }
  }

  private readMap(
    node: YAMLMap<ParsedNode, ParsedNode | null>,
    path: Segment[],
    depth: number,
  ): Json {
    const entries = new Map<string, Json>();
    for (const pair of node.items) {
      const key = this.readKey(pair, path);
      if (key === undefined) continue;
      const inside = [...path, key];
      if (entries.has(key)) {
        this.report("duplicate-key", "duplicate key: it stands here twice", pair.key, inside);
      }
      entries.set(key, this.read(pair.value, inside, depth + 1));
    }
    return Object.fromEntries(entries);
  }

  private readKey(pair: Pair<ParsedNode, ParsedNode | null>, path: Segment[]): string | undefined {
    const { key } = pair;
    const written: unknown = isScalar(key) ? key.value : undefined;
    if (typeof written !== "string") {
      const shown = isScalar(key) ? (key.source ?? String(written)) : "this";
      const message = isScalar(key) ? `put it in quotes: '${shown}'` : "expected a plain name";
      this.report("yaml", `keys must be strings, got ${shown}; ${message}`, key, path);
      return undefined;
    }
    if (written === "__proto__") {
      this.report("yaml", 'the key "__proto__" is refused', key, path);
      return undefined;
    }
    return written;
  }

  private report(code: IssueCode, message: string, node: Node, path: Segment[]): void {
    const offset = node.range?.[0] ?? 0;
    const { line, col } = this.lines.linePos(offset);
    this.issues.push(makeIssue(code, path, message, { line, column: col }));
  }
}
