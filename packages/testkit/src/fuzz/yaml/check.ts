/** A text through the front door: a definition that keeps what it says, or issues that a person can use. */
import {
  formatIssue,
  type Issue,
  isObject,
  type Json,
  load,
  type Loaded,
} from "@millrace/language";
import type { Verdict } from "../campaign.ts";

/** What an exception's text looks like when it slips into an issue. */
const LEAKED =
  /is not a function|cannot read propert|properties of (?:undefined|null)|call stack|is not iterable/i;

/** @param input `{ text }` */
export function checkText(input: Json): Verdict {
  if (!isObject(input) || typeof input["text"] !== "string") return { outcome: "no case" };
  const { text } = input;
  const loaded = load(text, { file: "fuzz.yaml" });
  return loaded.ok ? checkValid(loaded) : checkRefusal(loaded.issues, text);
}

function checkValid(loaded: Extract<Loaded, { ok: true }>): Verdict {
  const outcome = "valid";
  const json = JSON.stringify(loaded.definition);
  const again = load(json);
  if (!again.ok) {
    const detail = again.issues.map(formatIssue).join("\n");
    return { outcome, problem: { kind: "valid as YAML, not as JSON", detail } };
  }
  if (JSON.stringify(again.definition) !== json) {
    return { outcome, problem: { kind: "changed on its way through JSON", detail: json } };
  }
  return { outcome };
}

function checkRefusal(issues: readonly Issue[], text: string): Verdict {
  const outcome = `refused: ${issues[0]?.code}`;
  if (issues.length === 0) {
    return { outcome, problem: { kind: "refused without an issue", detail: text.slice(0, 200) } };
  }
  const lines = text.split("\n");
  for (const issue of issues) {
    const fault = issueFault(issue, lines);
    if (fault !== undefined) {
      return { outcome, problem: { kind: fault, detail: formatIssue(issue).slice(0, 1_000) } };
    }
  }
  return { outcome };
}

/** What makes an issue useless, if anything. */
export function issueFault(issue: Issue, lines: readonly string[]): string | undefined {
  const { message, line, column, pointer } = issue;
  if (message.trim() === "") return "an issue without words";
  if (message.length > 2_000) return "an issue too long to read";
  if (LEAKED.test(message)) return "an exception's words in an issue";
  if (pointer !== "" && !pointer.startsWith("/")) return "not a JSON Pointer";
  if (line === undefined) return undefined;
  if (line < 1 || line > lines.length) return "a line that the text does not have";
  if (column === undefined || column < 1) return "a line without a column";
  // One past the end is where something is missing.
  if (column > (lines[line - 1] ?? "").length + 1) return "a column that the line does not have";
  return undefined;
}
