/** How many characters a look-behind may have to go back. */
import type { PatternNode } from "./ast.ts";

const MOST = 64;

function sums(left: readonly number[], right: readonly number[]): number[] | undefined {
  const all = new Set<number>();
  for (const a of left) for (const b of right) all.add(a + b);
  return all.size > MOST ? undefined : [...all];
}

/** All lengths a pattern can match, or undefined when they are unlimited or too many. */
export function widths(node: PatternNode): number[] | undefined {
  switch (node.kind) {
    case "char":
    case "class":
      return [1];
    case "sequence": {
      let total: number[] | undefined = [0];
      for (const item of node.items) {
        const width = widths(item);
        total = total === undefined || width === undefined ? undefined : sums(total, width);
      }
      return total;
    }
    case "choice": {
      const all = new Set<number>();
      for (const option of node.options) {
        const width = widths(option);
        if (width === undefined) return undefined;
        for (const length of width) all.add(length);
      }
      return [...all];
    }
    case "repeat": {
      const width = widths(node.body);
      if (width === undefined || node.max > MOST) return undefined;
      const all = new Set<number>();
      let total: number[] | undefined = [0];
      for (let n = 0; n <= node.max && total !== undefined; n += 1) {
        if (n >= node.min) for (const length of total) all.add(length);
        total = sums(total, width);
      }
      return total === undefined && node.max > 0 ? undefined : [...all];
    }
    case "capture":
    case "atomic":
      return widths(node.body);
    case "condition": {
      const yes = widths(node.yes);
      const no = widths(node.no);
      return yes === undefined || no === undefined ? undefined : [...new Set([...yes, ...no])];
    }
    case "backreference":
    case "call":
      return undefined;
    default:
      return [0];
  }
}
