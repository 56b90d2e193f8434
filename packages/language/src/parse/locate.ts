/** Where in the text a JSON Pointer is: looked up only when there is an issue to place. */
import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Document, LineCounter, Node, Scalar } from "yaml";
import { type Issue, parsePointer } from "../issue.ts";

/** Adds line and column to an issue: those of its pointer, or of the nearest ancestor that exists. */
export type Locate = (issue: Issue) => Issue;

export function makeLocate(document: Document.Parsed, lines: LineCounter, text: string): Locate {
  return (issue) => {
    const { node, offset } = find(document, parsePointer(issue.pointer));
    const inner =
      issue.offset === undefined || node === undefined
        ? undefined
        : innerOffset(node, issue.offset, text);
    const { line, col } = lines.linePos(inner ?? offset);
    return { ...issue, message: issue.message + quoteHint(issue, node), line, column: col };
  };
}

/** YAML reads `1.0` as a number and `yes` not as text; where a string was expected, show how to write one. */
function quoteHint(issue: Issue, node: Node | undefined): string {
  if (issue.code !== "type" || !isScalar(node) || typeof node.value === "string") return "";
  const { source } = node;
  return source === undefined || !issue.message.includes("quotes") ? "" : `: '${source}'`;
}

interface Found {
  /** The value, when the pointer leads to one. */
  readonly node?: Node;
  readonly offset: number;
}

/** A property is placed at its key (that is where people look), a list entry at its value. */
function find(document: Document.Parsed, tokens: readonly string[]): Found {
  let node: Node | null = document.contents;
  let offset = node?.range?.[0] ?? 0;
  for (const token of tokens) {
    const holder: Node | null = isAlias(node) ? (node.resolve(document) ?? null) : node;
    if (isMap(holder)) {
      const pair = holder.items.find((item) => isScalar(item.key) && item.key.value === token);
      if (pair === undefined) return { offset };
      offset = (pair.key as Scalar).range?.[0] ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(holder)) {
      node = (holder.items[Number(token)] as Node | undefined) ?? null;
      if (node === null) return { offset };
      offset = node.range?.[0] ?? offset;
    } else {
      return { offset };
    }
  }
  return node === null ? { offset } : { node, offset };
}

/** Where the n-th character of a string is in the text, when it is written there as it is. */
function innerOffset(node: Node, inside: number, text: string): number | undefined {
  if (!isScalar(node) || typeof node.value !== "string" || !node.range) return undefined;
  const [start, end] = node.range;
  const written = text.slice(start, end);
  const quote = written.startsWith('"') || written.startsWith("'") ? 1 : 0;
  return written.startsWith(node.value, quote) ? start + quote + inside : undefined;
}
