/** Character classes: escapes, POSIX brackets and Unicode properties. */
import type { Test } from "./ast.ts";
import { fold, upperOf } from "./fold.ts";

const CACHED = 256;

/** A test with a table for the code points that make up most text. */
export function cached(test: Test): Test {
  const table = new Int8Array(CACHED);
  return (point) => {
    if (point >= CACHED) return test(point);
    const known = table[point] as number;
    if (known !== 0) return known === 1;
    const answer = test(point);
    table[point] = answer ? 1 : -1;
    return answer;
  };
}

/** A test by a pattern of one character class; native matching of one character is constant work. */
function byPattern(source: string): Test {
  const pattern = new RegExp(`^${source}$`, "u");
  return cached((point) => pattern.test(String.fromCodePoint(point)));
}

export function not(test: Test): Test {
  return (point) => !test(point);
}

export function range(low: number, high: number): Test {
  return (point) => point >= low && point <= high;
}

export function anyOf(tests: readonly Test[]): Test {
  const [first, second] = tests;
  if (first !== undefined && second === undefined) return first;
  return cached((point) => tests.some((test) => test(point)));
}

/** Membership of a character in either case. */
export function ignoringCase(test: Test): Test {
  return cached((point) => {
    if (test(point)) return true;
    const folded = fold(point);
    return test(folded) || test(upperOf(folded));
  });
}

export const isWord = byPattern("[\\p{L}\\p{M}\\p{N}\\p{Pc}]");
export const isDigit = byPattern("\\p{Nd}");
export const isSpace = byPattern("[\\t-\\r\\u0085\\p{Z}]");
export const isHex = byPattern("[0-9A-Fa-f]");
export const isNewline: Test = (point) => point === 10;

const POSIX = new Map<string, Test>([
  ["alnum", byPattern("[\\p{L}\\p{M}\\p{N}]")],
  ["alpha", byPattern("[\\p{L}\\p{M}]")],
  ["ascii", (point) => point < 128],
  ["blank", byPattern("[\\t\\p{Zs}]")],
  ["cntrl", byPattern("[\\p{Cc}\\p{Cf}\\p{Cn}\\p{Co}\\p{Cs}]")],
  ["digit", isDigit],
  ["graph", byPattern("[^\\t-\\r\\u0085\\p{Z}\\p{Cc}\\p{Cn}\\p{Cs}]")],
  ["lower", byPattern("\\p{Lowercase}")],
  ["print", byPattern("[^\\t-\\r\\u0085\\p{Zl}\\p{Zp}\\p{Cc}\\p{Cn}\\p{Cs}]")],
  ["punct", byPattern("[\\p{P}$+<=>^`|~]")],
  ["space", isSpace],
  ["upper", byPattern("\\p{Uppercase}")],
  ["xdigit", isHex],
  ["word", isWord],
]);

/** `[:name:]` */
export function posixClass(name: string): Test | undefined {
  return POSIX.get(name);
}

const properties = new Map<string, Test | undefined>();

function compileProperty(name: string): Test | undefined {
  const words = name
    .split(/[ _-]+/)
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1).toLowerCase());
  const spelled = words.join("_");
  const forms = [name, spelled, `Script=${spelled}`, `General_Category=${spelled}`];
  for (const form of forms) {
    try {
      return byPattern(`\\p{${form}}`);
    } catch {
      // Not a property under this spelling.
    }
  }
  return undefined;
}

/** `\p{name}`: POSIX classes, general categories, scripts and binary properties. */
export function property(name: string): Test | undefined {
  const posix = POSIX.get(name.toLowerCase());
  if (posix !== undefined) return posix;
  if (name.toLowerCase() === "any") return () => true;
  if (!/^[A-Za-z][A-Za-z _-]{0,40}$/.test(name)) return undefined;
  if (!properties.has(name)) {
    if (properties.size > 200) properties.clear();
    properties.set(name, compileProperty(name));
  }
  return properties.get(name);
}
