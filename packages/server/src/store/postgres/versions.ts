/** Order of semantic versions (SemVer 2.0.0, section 11). */

/** The highest version; `undefined` of none. */
export function newestVersion(versions: readonly string[]): string | undefined {
  return versions.toSorted(compareVersions).at(-1);
}

export function compareVersions(a: string, b: string): number {
  const left = parts(a);
  const right = parts(b);
  for (let at = 0; at < 3; at += 1) {
    const difference = (left.numbers[at] ?? 0) - (right.numbers[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return comparePrerelease(left.prerelease, right.prerelease);
}

function parts(version: string): { numbers: readonly number[]; prerelease: readonly string[] } {
  const [core = ""] = version.split("+");
  const dash = core.indexOf("-");
  const numbers = (dash === -1 ? core : core.slice(0, dash)).split(".").map(Number);
  return { numbers, prerelease: dash === -1 ? [] : core.slice(dash + 1).split(".") };
}

/** A version without a prerelease is higher than one with; identifiers compare one by one. */
function comparePrerelease(a: readonly string[], b: readonly string[]): number {
  if (a.length === 0 || b.length === 0) return b.length - a.length;
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const [left, right] = [a[at], b[at]];
    if (left === undefined) return -1;
    if (right === undefined) return 1;
    const order = compareIdentifiers(left, right);
    if (order !== 0) return order;
  }
  return 0;
}

function compareIdentifiers(a: string, b: string): number {
  const numeric = [a, b].map((each) => /^\d+$/.test(each));
  if (numeric[0] === true && numeric[1] === true) return Number(a) - Number(b);
  if (numeric[0] !== numeric[1]) return numeric[0] === true ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
