/** A walk over a value: where it is, and what it found. */
import { type Issue, type IssueCode, makeIssue, type Segment } from "../issue.ts";

/** Collects issues; `path` is the place the walk has reached. */
export class Walk {
  readonly issues: Issue[] = [];
  readonly path: Segment[];
  constructor(path: readonly Segment[] = []) {
    this.path = [...path];
  }
  report(code: IssueCode, message: string, expected?: string): void {
    this.issues.push(
      makeIssue(code, this.path, message, expected === undefined ? {} : { expected }),
    );
  }
  /** Runs `visit` one step further down. */
  at(segment: Segment, visit: () => void): void {
    this.path.push(segment);
    visit();
    this.path.pop();
  }
}

/** Reports a value of the wrong JSON type. */
export function mismatch(walk: Walk, value: unknown, expected: string, hint = ""): void {
  walk.report("type", `expected ${expected}, got ${describe(value)}${hint}`, expected);
}

/** A value in a few words: `the number 1`, `a list`. */
function describe(value: unknown): string {
  if (value === null) return "nothing (null)";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "an object";
  const text = JSON.stringify(value) ?? "nothing";
  return `the ${typeof value} ${text.length > 40 ? `${text.slice(0, 37)}…` : text}`;
}
