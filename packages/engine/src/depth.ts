/** Levels of nesting that can surely be written as JSON: a few thousand overflow the stack. */
export const SAFE_DEPTH = 2000;

/** Whether a value is nested deeper than `most` arrays and objects. Without recursion: it is asked of what may be too deep. */
export function isDeeper(value: unknown, most: number): boolean {
  const open: { readonly value: object; readonly depth: number }[] = [];
  const look = (each: unknown, depth: number): void => {
    if (typeof each === "object" && each !== null) open.push({ value: each, depth });
  };
  look(value, 1);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.depth > most) return true;
    for (const each of Object.values(next.value)) look(each, next.depth + 1);
  }
  return false;
}
