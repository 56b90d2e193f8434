/** Where in the text a JSON Pointer is: looked up only when there is an issue to place. */
import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { Document, LineCounter, Node, Scalar } from "yaml";
import { parsePointer } from "../issue.ts";

export interface Place {
  /** 1-based. */
  readonly line: number;
  /** 1-based. */
  readonly column: number;
  /** How a scalar was written, when that differs from what it means (`1.0` for the number 1). */
  readonly written?: string;
}

/**
 * The place of a pointer, or of its nearest ancestor that exists. `inside` is an offset into the string that stands
 * there (an expression's position).
 */
export type Locate = (pointer: string, inside?: number) => Place;

export function makeLocate(document: Document.Parsed, lines: LineCounter, text: string): Locate {
  return (pointer, inside) => {
    const tokens = parsePointer(pointer);
    const { node, offset } = find(document, tokens);
    const shift =
      inside === undefined || node === undefined ? undefined : innerOffset(node, inside, text);
    const { line, col } = lines.linePos(shift ?? offset);
    const written = isScalar(node) && typeof node.value !== "string" ? node.source : undefined;
    return { line, column: col, ...(written === undefined ? {} : { written }) };
  };
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
  if (!isScalar(node) || typeof node.value !== "string" || node.range == null) return undefined;
  const [start, end] = node.range;
  const written = text.slice(start, end);
  const quote = written.startsWith('"') || written.startsWith("'") ? 1 : 0;
  return written.startsWith(node.value, quote) ? start + quote + inside : undefined;
}
