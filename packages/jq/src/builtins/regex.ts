/** Regular expression functions (manual: Regular expressions). */
import { chargeString } from "../budget/budget.ts";
import { Code, constant, GO, single, STOP } from "../compile/code.ts";
import type { Emit, Env, One, Signal } from "../compile/code.ts";
import { fail } from "../errors.ts";
import {
  compileRegex,
  eachMatch,
  groupText,
  isMatch,
  matchObject,
  patternsOf,
  Subject,
} from "../regex/regex.ts";
import type { Regex } from "../regex/regex.ts";
import type { Slots } from "../regex/matcher.ts";
import { add } from "../values/arithmetic.ts";
import { typeName } from "../values/json.ts";
import type { Json, JsonObject } from "../values/json.ts";
import { putKey } from "../values/objects.ts";
import { describe } from "../values/print.ts";
import { nary, stream, unary } from "./define.ts";
import type { Builder, Builtins } from "./define.ts";

function subjectOf(value: Json): Subject {
  return typeof value === "string"
    ? new Subject(value)
    : fail(`${describe(value)} cannot be matched, as it is not a string`);
}

/** `test(f)`, where f gives a pattern, or an array of a pattern and flags. */
function test(args: readonly Code[]): Code {
  const find = patternsOf();
  return unary((input, given) => {
    const subject = subjectOf(input);
    if (typeof given === "string") return isMatch(find(given, null), subject);
    const [pattern, flags] = unpack(given);
    return isMatch(find(pattern as Json, flags as Json), subject);
  })(args);
}

/** `test(pattern; flags)` */
function testWith(args: readonly Code[]): Code {
  const find = patternsOf();
  return nary("last", (input, [pattern, flags]) => {
    const subject = subjectOf(input);
    return isMatch(find(pattern as Json, flags as Json), subject);
  })(args);
}

type Find = typeof compileRegex;
type Visit = (regex: Regex, subject: Subject, slots: Slots) => Signal;

/** Visits the matches as they are found: the first only, or with the g flag all. */
function matches(
  value: Json,
  pattern: Json,
  flags: Json,
  visit: Visit,
  find: Find = compileRegex,
): Signal {
  const subject = subjectOf(value);
  const regex = find(pattern, flags);
  let signal: Signal = GO;
  eachMatch(regex, subject, regex.global, (slots) => {
    signal = visit(regex, subject, slots);
    return signal !== STOP;
  });
  return signal;
}

/** The named groups of a match as an object; of several groups of a name, one that matched. */
function namedGroups(regex: Regex, subject: Subject, slots: Slots): JsonObject {
  const object: JsonObject = {};
  for (let group = 1; group <= regex.program.groups; group += 1) {
    const name = regex.program.names[group];
    if (name === null || name === undefined) continue;
    const text = groupText(subject, slots, group);
    if (text !== null || !Object.hasOwn(object, name)) putKey(object, name, text);
  }
  return object;
}

function scanned(regex: Regex, subject: Subject, slots: Slots): Json {
  const { groups } = regex.program;
  if (groups === 0) return subject.slice(slots[0] as number, slots[1] as number);
  return Array.from({ length: groups }, (_, i) => groupText(subject, slots, i + 1));
}

/** `f(val)`: a pattern, or an array of a pattern and flags. */
function unpack(value: Json): readonly Json[] {
  if (typeof value === "string") return [value, null];
  if (Array.isArray(value) && value.length > 0) return [value[0] as Json, value[1] ?? null];
  return fail(`${typeName(value)} not a string or array`);
}

/** A function of a pattern and flags in both of jq's calling styles. */
function both(
  name: string,
  generate: (input: Json, values: readonly Json[], emit: Emit) => Signal,
): [string, Builder][] {
  return [
    [
      `${name}/1`,
      stream("last", (input, [value], emit) => generate(input, unpack(value as Json), emit)),
    ],
    [`${name}/2`, stream("last", generate)],
  ];
}

function scan(input: Json, [pattern, flags]: readonly Json[], emit: Emit): Signal {
  return matches(input, pattern as Json, add("g", flags ?? null), (...found) =>
    emit(scanned(...found)),
  );
}

/** Pieces of a string between matches. */
function splitBy(input: Json, [pattern, flags]: readonly Json[], emit: Emit): Signal {
  let from = 0;
  let subject: Subject | undefined;
  const all = add(flags ?? null, "g");
  const signal = matches(input, pattern as Json, all, (_regex, text, slots) => {
    subject = text;
    const piece = text.slice(from, Math.max(from, slots[0] as number));
    from = slots[1] as number;
    return emit(piece);
  });
  if (signal === STOP) return STOP;
  return emit(subject === undefined ? input : subject.slice(from, subject.points.length));
}

function splitArray(input: Json, values: readonly Json[]): Json {
  const pieces: Json[] = [];
  splitBy(input, values, (piece) => {
    pieces.push(piece);
    return GO;
  });
  return pieces;
}

/** What matches are replaced by, and where their patterns come from. */
interface Replacement {
  readonly to: Code;
  readonly find: Find;
}

/** One string being built for each output of the replacement so far. */
interface Drafts {
  readonly texts: string[];
  previous: number;
}

/**
 * `sub`: the n-th output of the replacement for every match goes to the n-th result, as jq's own
 * definition has it.
 */
function substitute(
  input: Json,
  pattern: Json,
  flags: Json,
  { to, find }: Replacement,
  env: Env,
): Json[] {
  const drafts: Drafts = { texts: [], previous: 0 };
  let subject: Subject | undefined;
  const visit: Visit = (regex, text, slots) => {
    subject = text;
    const gap = text.slice(drafts.previous, slots[0] as number);
    let n = 0;
    const signal = to.run(namedGroups(regex, text, slots), env, (insert) => {
      const grown = add(add(drafts.texts[n] ?? null, gap), insert);
      if (typeof grown !== "string") {
        return fail(`${describe(gap)} and ${describe(insert)} cannot be added`);
      }
      drafts.texts[n] = grown;
      n += 1;
      return GO;
    });
    drafts.previous = slots[1] as number;
    return signal;
  };
  matches(input, pattern, flags, visit, find);
  if (subject === undefined || drafts.texts.length === 0) return [input];
  const tail = subject.slice(drafts.previous, subject.points.length);
  return drafts.texts.map((text) => {
    chargeString(text.length + tail.length);
    return text + tail;
  });
}

/** `sub` when the replacement always has one output, so that there is one string to build. */
function substituteOne(subject: Subject, regex: Regex, insert: One, env: Env): Json {
  let draft: Json = null;
  let previous = 0;
  eachMatch(regex, subject, regex.global, (slots) => {
    const gap = subject.slice(previous, slots[0] as number);
    const inserted = insert(namedGroups(regex, subject, slots), env);
    draft = add(add(draft, gap), inserted);
    if (typeof draft !== "string") {
      return fail(`${describe(gap)} and ${describe(inserted)} cannot be added`);
    }
    previous = slots[1] as number;
    return true;
  });
  if (draft === null) return subject.text;
  return add(draft, subject.slice(previous, subject.points.length));
}

function withFlag(flags: Json, extra: string): Json {
  return extra === "" && typeof flags === "string" ? flags : add(flags, extra);
}

function substitution(extra: string): Builder {
  return ([pattern, to, flags = NO_FLAGS]) => {
    const replacement: Replacement = { to: to as Code, find: patternsOf() };
    const change = (input: Json, env: Env, regex: Json, given: Json): Json[] =>
      substitute(input, regex, withFlag(given, extra), replacement, env);
    const regexOne = (pattern as Code).one;
    const flagsOne = flags.one;
    if (replacement.to.one !== undefined && regexOne !== undefined && flagsOne !== undefined) {
      const insert = replacement.to.one;
      return single((input, env) => {
        const regex = regexOne(input, env);
        const given = withFlag(flagsOne(input, env), extra);
        const subject = subjectOf(input);
        return substituteOne(subject, replacement.find(regex, given), insert, env);
      });
    }
    return new Code({
      run: (input, env, emit) =>
        (pattern as Code).run(input, env, (regex) =>
          flags.run(input, env, (given) => {
            for (const text of change(input, env, regex, given)) {
              if (emit(text) === STOP) return STOP;
            }
            return GO;
          }),
        ),
    });
  };
}

const NO_FLAGS = constant("");

export const regexBuiltins: Builtins = new Map<string, Builder>([
  ["test/1", test],
  ["test/2", testWith],
  ...both("match", (input, [pattern, flags], emit) =>
    matches(input, pattern as Json, flags as Json, (...found) => emit(matchObject(...found))),
  ),
  ...both("capture", (input, [pattern, flags], emit) =>
    matches(input, pattern as Json, flags as Json, (...found) => emit(namedGroups(...found))),
  ),
  ["scan/1", stream("first", scan)],
  ["scan/2", stream("first", scan)],
  ["splits/1", stream("first", splitBy)],
  ["splits/2", stream("first", splitBy)],
  ["split/2", nary("first", splitArray)],
  ["sub/2", substitution("")],
  ["sub/3", substitution("")],
  ["gsub/2", substitution("g")],
  ["gsub/3", substitution("g")],
]);
