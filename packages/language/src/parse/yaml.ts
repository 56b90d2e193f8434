/**
 * The front door: YAML or JSON text → plain JSON, with the place of every value.
 *
 * Refused: text over the size limit, several documents, duplicate or non-string keys, `__proto__`, anchors that unfold
 * too far or into themselves, nesting over the depth limit, numbers that JSON cannot hold.
 */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type YAMLMap,
} from "yaml";
import { type Issue, type IssueCode, makeIssue, type Segment } from "../issue.ts";
import type { Json } from "../json.ts";

export interface ParseOptions {
  /** Name of the file, for messages. */
  readonly file?: string;
  /** Longest text, in UTF-16 code units; 1 MiB unless given. */
  readonly maxSize?: number;
}
export interface Parsed {
  readonly value: Json | undefined;
  readonly issues: readonly Issue[];
  /** Adds line and column to an issue, as far as its place is known. */
  locate(issue: Issue): Issue;
}

const MAX_SIZE = 1024 * 1024;
const MAX_DEPTH = 64;
/** Values after unfolding anchors. */
const MAX_NODES = 100_000;

class Refused extends Error {
  readonly code: IssueCode;
  readonly path: readonly Segment[];
  constructor(code: IssueCode, path: readonly Segment[], message: string) {
    super(message);
    this.code = code;
    this.path = path;
  }
}

export function parseYaml(text: string, options: ParseOptions = {}): Parsed {
  const maxSize = options.maxSize ?? MAX_SIZE;
  const reader = new Reader(options);
  if (text.length > maxSize)
    return reader.refused(
      new Refused("limit", [], `the text is longer than ${maxSize} characters: split the workflow`),
    );
  return reader.read(text);
}

class Reader {
  readonly #options: ParseOptions;
  readonly #lines = new LineCounter();
  /** Start offsets by JSON Pointer. */
  readonly #offsets = new Map<string, number>();
  readonly #open = new Set<unknown>();
  #nodes = 0;

  constructor(options: ParseOptions) {
    this.#options = options;
  }

  read(text: string): Parsed {
    const documents = parseAllDocuments(text, {
      lineCounter: this.#lines,
      uniqueKeys: true,
      strict: true,
      version: "1.2",
      // Merge keys and custom tags are YAML's own tricks; the language has no use for them.
      merge: false,
    });
    const list = Array.isArray(documents) ? documents : [];
    const errors = list.flatMap((document) => document.errors);
    if (errors.length > 0) {
      const issues = errors.slice(0, 10).map(({ message, pos, code }) => {
        const issue = makeIssue(
          code === "DUPLICATE_KEY" ? "duplicate-key" : "yaml",
          [],
          firstLine(message),
        );
        return this.#at(issue, pos[0]);
      });
      return this.#result(undefined, issues);
    }
    const [document, second] = list;
    if (document === undefined)
      return this.refused(new Refused("yaml", [], "the document is empty"));
    if (second !== undefined)
      return this.refused(new Refused("yaml", [], "several documents in one file: keep one"));
    try {
      return this.#result(this.#value(document.contents, [], document), []);
    } catch (error) {
      if (error instanceof Refused) return this.refused(error);
      throw error;
    }
  }

  refused({ code, path, message }: Refused): Parsed {
    return this.#result(undefined, [this.#locate(makeIssue(code, path, message))]);
  }

  #result(value: Json | undefined, issues: readonly Issue[]): Parsed {
    return { value, issues, locate: (issue) => this.#locate(issue) };
  }

  #value(node: Node | null, path: readonly Segment[], document: unknown): Json {
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES)
      throw new Refused("limit", path, "the document unfolds to too many values (anchors?)");
    if (path.length > MAX_DEPTH * 2)
      throw new Refused("limit", path, `the document nests deeper than ${MAX_DEPTH} tasks`);
    if (node?.range) this.#offsets.set(pointerKey(path), node.range[0]);
    if (node === null) return null;
    if (isAlias(node)) {
      const target = node.resolve(document as never);
      if (target === undefined) throw new Refused("yaml", path, `no anchor &${node.source}`);
      return this.#value(target as Node, path, document);
    }
    if (isScalar(node)) return scalar(node.value, path);
    if (this.#open.has(node)) throw new Refused("yaml", path, "an anchor contains itself");
    this.#open.add(node);
    const value = isSeq(node)
      ? node.items.map((item, index) => this.#value(item as Node, [...path, index], document))
      : this.#map(node as YAMLMap, path, document);
    this.#open.delete(node);
    return value;
  }

  #map(map: YAMLMap, path: readonly Segment[], document: unknown): Json {
    if (!isMap(map)) throw new Refused("yaml", path, "expected an object, a list or a value");
    const result: Record<string, Json> = {};
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const key = isScalar(pair.key) ? pair.key.value : undefined;
      if (typeof key !== "string" && typeof key !== "number" && typeof key !== "boolean")
        throw new Refused("yaml", path, "a key must be text");
      const name = String(key);
      if (name === "__proto__") throw new Refused("yaml", path, "the key __proto__ is not allowed");
      const inside = [...path, name];
      const value = this.#value(pair.value, inside, document);
      // A key's own place says more than its value's, which may be on a later line.
      if (pair.key.range) this.#offsets.set(pointerKey(inside), pair.key.range[0]);
      result[name] = value;
    }
    return result;
  }

  /** The issue's own place, or the nearest one around it that is known. */
  #locate(issue: Issue): Issue {
    let pointer = issue.pointer;
    for (;;) {
      const offset = this.#offsets.get(pointer);
      if (offset !== undefined) return this.#at(issue, offset);
      if (pointer === "") return this.#named(issue);
      pointer = pointer.slice(0, pointer.lastIndexOf("/"));
    }
  }

  #at(issue: Issue, offset: number): Issue {
    const { line, col } = this.#lines.linePos(offset);
    return { ...this.#named(issue), line, column: col };
  }

  #named(issue: Issue): Issue {
    const { file } = this.#options;
    return file === undefined ? issue : { ...issue, file };
  }
}

function scalar(value: unknown, path: readonly Segment[]): Json {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new Refused("yaml", path, `${String(value)} is no JSON value: quote it`);
}

function pointerKey(path: readonly Segment[]): string {
  return makeIssue("yaml", path, "").pointer;
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? text;
}
