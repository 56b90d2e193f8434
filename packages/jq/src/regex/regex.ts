/** jq's view of a regular expression: flags, a cache of compiled patterns, and match objects. */
import { charge, chargeBuilt } from "../budget/budget.ts";
import { fail } from "../errors.ts";
import type { Json } from "../values/json.ts";
import { describe } from "../values/print.ts";
import { toPoints, toUnits } from "../values/strings.ts";
import { Matcher } from "./matcher.ts";
import type { SearchOptions, Slots } from "./matcher.ts";
import { parsePattern } from "./parser.ts";
import type { PatternOptions } from "./parser.ts";
import { generateProgram } from "./program.ts";
import type { MatchProgram } from "./program.ts";

export interface Regex {
  readonly program: MatchProgram;
  readonly global: boolean;
  readonly search: SearchOptions;
}

interface Flags {
  readonly options: PatternOptions;
  readonly global: boolean;
  readonly search: SearchOptions;
}

/** g global, i ignore case, x extended, s single line, m and p let `.` match newlines, n, l. */
function parseFlags(flags: Json): Flags {
  if (flags !== null && typeof flags !== "string")
    return fail(`${describe(flags)} is not a string`);
  const text = flags ?? "";
  for (const flag of text) {
    if (!"gimxsnlp".includes(flag)) fail(`${text} is not a valid modifier string`);
  }
  const has = (flag: string): boolean => text.includes(flag);
  return {
    options: {
      ignoreCase: has("i"),
      extended: has("x"),
      dotAll: has("m") || has("p"),
      lines: false,
    },
    global: has("g"),
    search: { notEmpty: has("n"), longest: has("l") },
  };
}

const CACHE_SIZE = 256;
const cache = new Map<string, Regex>();

/** Compiles a pattern, or takes it from the cache. */
export function compileRegex(pattern: Json, flags: Json): Regex {
  if (typeof pattern !== "string") return fail(`${describe(pattern)} is not a string`);
  const key = `${typeof flags === "string" ? flags : ""}/${pattern}`;
  const known = typeof flags === "string" || flags === null ? cache.get(key) : undefined;
  if (known !== undefined) return known;
  const { options, global, search } = parseFlags(flags);
  charge(pattern.length + 16);
  const program = generateProgram(parsePattern(pattern, options));
  const regex = { program, global, search };
  if (cache.size >= CACHE_SIZE) cache.clear();
  // Long patterns are not worth the memory of keeping them.
  if (key.length < 2000 && program.code.length < 2000) cache.set(key, regex);
  return regex;
}

/**
 * Compiles patterns for one place in a program. Nearly every place sees one pattern only, which is
 * then recognised without looking into the cache.
 */
export function patternsOf(): typeof compileRegex {
  let lastPattern: Json = null;
  let lastFlags: Json = null;
  let last: Regex | undefined;
  return (pattern, flags) => {
    if (last !== undefined && pattern === lastPattern && flags === lastFlags) return last;
    last = compileRegex(pattern, flags);
    lastPattern = pattern;
    lastFlags = flags;
    return last;
  };
}

/** Whether a pattern matches anywhere. */
export function isMatch(regex: Regex, subject: Subject): boolean {
  return new Matcher(regex.program, subject.points).search(0, regex.search) !== undefined;
}

/** A text prepared for matching, with positions in code points. */
export class Subject {
  readonly text: string;
  readonly points: readonly number[];
  private readonly simple: boolean;

  constructor(text: string) {
    this.text = text;
    const units = toUnits(text);
    this.simple = units !== undefined;
    this.points = units ?? toPoints(text);
  }

  slice(from: number, to: number): string {
    chargeBuilt(1);
    if (this.simple) return this.text.slice(from, to);
    charge((to - from) >> 3);
    let text = "";
    for (let i = from; i < to; i += 1) text += String.fromCodePoint(this.points[i] as number);
    return text;
  }
}

/** Positions of the matches: the first, or with the g flag all that do not overlap. */
export function eachMatch(
  regex: Regex,
  subject: Subject,
  global: boolean,
  visit: (slots: Slots) => boolean,
): void {
  const matcher = new Matcher(regex.program, subject.points);
  const end = global ? subject.points.length : 0;
  for (let from = 0; from <= end; ) {
    const slots = matcher.search(from, regex.search);
    if (slots === undefined || !visit(slots) || !global) return;
    // After an empty match the next search starts one character on.
    from = Math.max(slots[1] as number, (slots[0] as number) + 1);
  }
}

/** The text of a group, or null when it took no part in the match. */
export function groupText(subject: Subject, slots: Slots, group: number): string | null {
  const start = slots[2 * group] as number;
  const end = slots[2 * group + 1] as number;
  if (start < 0 || end < start) return null;
  // jq reports every group of an empty match as empty.
  return slots[0] === slots[1] ? "" : subject.slice(start, end);
}

function captureObject(regex: Regex, subject: Subject, slots: Slots, group: number): Json {
  const string = groupText(subject, slots, group);
  const name = regex.program.names[group] as string | null;
  const start = slots[2 * group] as number;
  if (string === null) return { offset: -1, string, length: 0, name };
  // jq places every group of an empty match where the match is.
  if (string === "")
    return {
      offset: slots[0] === slots[1] ? (slots[0] as number) : start,
      string,
      length: 0,
      name,
    };
  return { offset: start, length: (slots[2 * group + 1] as number) - start, string, name };
}

/** What `match` gives for one match (manual: match). */
export function matchObject(regex: Regex, subject: Subject, slots: Slots): Json {
  const start = slots[0] as number;
  const end = slots[1] as number;
  const captures: Json[] = [];
  chargeBuilt(4 + 5 * regex.program.groups);
  for (let group = 1; group <= regex.program.groups; group += 1) {
    captures.push(captureObject(regex, subject, slots, group));
  }
  return { offset: start, length: end - start, string: subject.slice(start, end), captures };
}
