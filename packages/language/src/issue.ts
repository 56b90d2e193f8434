/** What is wrong with a definition, where, and what was expected instead. */

/** Stable machine-readable reasons; the message is for people. */
export type IssueCode =
  | "yaml"
  | "limit"
  | "duplicate-key"
  | "required"
  | "type"
  | "value"
  | "unknown-property"
  | "choice"
  | "reference"
  | "flow"
  | "expression"
  | "variable"
  | "duplicate-task"
  | "schedule"
  | "schema"
  | "recursion"
  | "external"
  | "unsupported";

export interface Issue {
  /** Readable path, such as `do[2].callPet.with.method`; empty at the document's root. */
  readonly path: string;
  /** JSON Pointer (RFC 6901) to the same place. */
  readonly pointer: string;
  readonly message: string;
  /** What would have been right, when that is short to say. */
  readonly expected?: string;
  readonly code: IssueCode;
  /** 1-based. */
  readonly line?: number;
  /** 1-based, in UTF-16 code units. */
  readonly column?: number;
  readonly file?: string;
  /** Where in the string at `pointer` the problem is, for expressions: UTF-16 units from 0. */
  readonly offset?: number;
}

/** A step into a JSON value: a property name or an array index. */
export type Segment = string | number;

/** RFC 6901 pointer of a path. */
export function pointerOf(path: readonly Segment[]): string {
  return path.map((segment) => `/${escapePointer(String(segment))}`).join("");
}

/** One reference token, escaped as RFC 6901 section 3 asks. */
export function escapePointer(token: string): string {
  return token.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** The tokens of a JSON Pointer, unescaped. */
export function parsePointer(pointer: string): string[] {
  if (pointer === "") return [];
  return pointer
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** A pointer as a path; whether a token is an index or a name is seen in the value it leads through. */
export function parsePath(root: unknown, pointer: string): Segment[] {
  let value = root;
  return parsePointer(pointer).map((token) => {
    const holder = value;
    value =
      typeof holder === "object" && holder !== null && Object.hasOwn(holder, token)
        ? (holder as Record<string, unknown>)[token]
        : undefined;
    return Array.isArray(holder) ? Number(token) : token;
  });
}

/** `["do", 2, "callPet"]` → `do[2].callPet`; names that are not plain words are quoted. */
export function readablePath(path: readonly Segment[]): string {
  let text = "";
  for (const segment of path) {
    if (typeof segment === "number") text += `[${segment}]`;
    else if (/^[\w-]+$/.test(segment)) text += text === "" ? segment : `.${segment}`;
    else text += `[${JSON.stringify(segment)}]`;
  }
  return text;
}

export interface IssueDetails {
  readonly expected?: string;
  readonly offset?: number;
  readonly line?: number;
  readonly column?: number;
}

/** Characters of a message: what a document holds is quoted in it, however long that is. */
const LONGEST_MESSAGE = 500;

export function makeIssue(
  code: IssueCode,
  path: readonly Segment[],
  message: string,
  details: IssueDetails = {},
): Issue {
  const short =
    message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE - 1)}…` : message;
  return { path: readablePath(path), pointer: pointerOf(path), message: short, code, ...details };
}

/** One line: `order.yaml:12:7 do[2].callPet.with.method: required`. */
export function formatIssue(issue: Issue): string {
  const at = issue.line === undefined ? "" : `:${issue.line}:${issue.column ?? 1}`;
  const file = issue.file ?? (at === "" ? "" : "definition");
  const where = [file + at, issue.path === "" ? "" : `${issue.path}:`].filter(
    (part) => part !== "",
  );
  return [...where, issue.message].join(" ");
}

/** Thrown by {@link compile} for a definition that has issues. */
export class DefinitionError extends Error {
  readonly issues: readonly Issue[];
  constructor(issues: readonly Issue[]) {
    super(issues.map(formatIssue).join("\n"));
    this.name = "DefinitionError";
    this.issues = issues;
  }
}
