/** Paths and streams of paths (manual: path, getpath, del, pick, tostream ...). */
import { charge, chargeBuilt } from "../budget/budget.ts";
import { eachPath, iterate } from "../compile/access.ts";
import { eachPathOf, keysOfPath, modify } from "../compile/assign.ts";
import { mustGo } from "../compile/breaks.ts";
import { Code, GO, IDENTITY, ROOT, single, STOP } from "../compile/code.ts";
import type { Emit, MaybePath, Path, Paths, Signal } from "../compile/code.ts";
import { fail } from "../errors.ts";
import { getPath, index } from "../values/access.ts";
import { isObject, isTrue } from "../values/json.ts";
import type { Json } from "../values/json.ts";
import { length } from "../values/length.ts";
import { describe } from "../values/print.ts";
import { deletePaths, setPath, Spine } from "../values/update.ts";
import { nary, unary } from "./define.ts";
import type { Builder, Builtins } from "./define.ts";
import { recurseAll } from "./recursion.ts";

function path(args: readonly Code[]): Code {
  const of = args[0] as Code;
  return new Code({
    run: (input, env, emit) => eachPathOf(of, input, env, (keys) => emit(keys)),
  });
}

function extend(path: MaybePath, keys: readonly Json[]): MaybePath {
  let at = path;
  for (const key of keys) at = { key, up: at };
  return at;
}

function getPathCode(args: readonly Code[]): Code {
  const plain = unary(getPath)(args);
  const at = args[0] as Code;
  const paths: Paths = (input, path, env, emit) =>
    at.run(input, env, (keys) => {
      const value = getPath(input, keys);
      return emit(value, path === null ? null : extend(path, keys as Json[]));
    });
  return plain.one === undefined ? new Code({ run: plain.run, paths }) : single(plain.one, paths);
}

function deleteAt(args: readonly Code[]): Code {
  const target = args[0] as Code;
  return single((input, env) => {
    const doomed: Json[] = [];
    mustGo(
      eachPathOf(target, input, env, (keys) => {
        doomed.push(keys);
        return GO;
      }),
    );
    return deletePaths(input, doomed);
  });
}

/** `pick(paths)`: the parts of the input at some paths, and nothing else. */
function pick(args: readonly Code[]): Code {
  const target = args[0] as Code;
  return single((input, env) => {
    const spine = new Spine(null);
    mustGo(
      eachPathOf(target, input, env, (keys) => {
        spine.set(keys, getPath(input, keys));
        return GO;
      }),
    );
    return spine.root;
  });
}

/** `paths(filter)`: every path but the root's at which the filter is true. */
function pathsWhere(filter: Code): Code {
  return new Code({
    run: (input, env, emit) =>
      recurseAll.paths(input, ROOT, env, (value, path) => {
        // The root is filtered, too, because the filter may fail.
        return filter.run(value, env, (keep) =>
          path !== ROOT && isTrue(keep) ? emit(keysOfPath(path as Path)) : GO,
        );
      }),
  });
}

const ALL_PATHS = new Code({
  run: (input, env, emit) =>
    recurseAll.paths(input, ROOT, env, (_value, path) =>
      path === ROOT ? GO : emit(keysOfPath(path as Path)),
    ),
});

function isLeaf(value: Json): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0;
}

/** Streams a value: leaves as [path, leaf], ends of containers as [last path in it]. */
function streamOf(value: Json, path: Path, emit: Emit): Signal {
  if (isLeaf(value)) {
    chargeBuilt(2);
    return emit([keysOfPath(path), value]);
  }
  let last: Path = path;
  const signal = eachPath(
    value,
    path,
    (child, at) => {
      last = at as Path;
      return streamOf(child, last, emit);
    },
    false,
  );
  if (signal === STOP) return STOP;
  chargeBuilt(1);
  return emit([keysOfPath(last)]);
}

const TO_STREAM = new Code({
  run: (input, _env, emit) => streamOf(input, ROOT, emit),
});

/** The path of an event. jq adds it to a path of its own, so that is what fails when it is none. */
function eventPath(path: Json): Json[] {
  if (Array.isArray(path)) return path;
  return path === null ? [] : fail(`array (["x"]) and ${describe(path)} cannot be added`);
}

/** `fromstream(stream)`: the values whose events the stream gives. */
function fromStream(args: readonly Code[]): Code {
  const events = args[0] as Code;
  return new Code({
    run: (input, env, emit) => {
      let spine = new Spine(null);
      return events.run(input, env, (event) => {
        charge(1);
        const isLeafEvent = length(event) === 2;
        const path = index(event, 0);
        const depth = length(path);
        if (isLeafEvent) spine.set(eventPath(path), index(event, 1));
        if (depth !== (isLeafEvent ? 0 : 1)) return GO;
        const done = spine.root;
        spine = new Spine(null);
        return emit(done);
      });
    },
  });
}

/** `truncate_stream(stream)`: drops the first `.` keys of each event's path. */
function truncateStream(args: readonly Code[]): Code {
  const events = args[0] as Code;
  return new Code({
    run: (input, env, emit) =>
      events.run(null, env, (event) => {
        const path = index(event, 0);
        if (typeof input !== "number" || length(path) <= input) return GO;
        return emit(setPath(event, [0], (path as Json[]).slice(input)));
      }),
  });
}

/** `truncate_stream(depth; stream)`, the older form. */
function truncateBy(args: readonly Code[]): Code {
  const [depth, events] = args as [Code, Code];
  return new Code({
    run: (input, env, emit) =>
      depth.run(input, env, (n) => {
        const inner = truncateStream([
          new Code({ run: (_i, _e, out) => events.run(input, env, out) }),
        ]);
        return inner.run(n, env, emit);
      }),
  });
}

/** Changes every value bottom up; gives all outputs for the value itself. */
function walkValue(value: Json, change: (value: Json) => Json[]): Json[] {
  charge(1);
  if (Array.isArray(value)) {
    const items: Json[] = [];
    for (const item of value) items.push(...walkValue(item, change));
    chargeBuilt(items.length);
    return change(items);
  }
  if (!isObject(value)) return change(value);
  const spine = new Spine({});
  const keys = Object.keys(value);
  for (const key of keys) {
    const [first] = walkValue(value[key] as Json, change);
    // As `map_values`: the first output counts, none drops the key.
    if (first !== undefined) spine.set([key], first);
  }
  return change(spine.root);
}

function walk(args: readonly Code[]): Code {
  const change = args[0] as Code;
  const { one } = change;
  if (one !== undefined) {
    return single((input, env) => walkValue(input, (value) => [one(value, env)])[0] as Json);
  }
  return new Code({
    run: (input, env, emit) => {
      const all = (value: Json): Json[] => {
        const made: Json[] = [];
        mustGo(
          change.run(value, env, (output) => {
            chargeBuilt(1);
            made.push(output);
            return GO;
          }),
        );
        return made;
      };
      for (const output of walkValue(input, all)) if (emit(output) === STOP) return STOP;
      return GO;
    },
  });
}

/** As `paths(scalars)`: a leaf that is null or false does not count. */
function leafValue(value: Json): Json {
  return typeof value === "object" ? null : value;
}

const EACH = iterate(IDENTITY, false);

export const pathBuiltins: Builtins = new Map<string, Builder>([
  ["path/1", path],
  ["getpath/1", getPathCode],
  ["setpath/2", nary("last", (input, [at, value]) => setPath(input, at as Json, value as Json))],
  ["delpaths/1", unary(deletePaths)],
  ["del/1", deleteAt],
  ["pick/1", pick],
  ["paths/0", () => ALL_PATHS],
  ["paths/1", ([filter]) => pathsWhere(filter as Code)],
  ["leaf_paths/0", () => pathsWhere(single(leafValue))],
  ["map_values/1", ([change]) => modify(EACH, change as Code)],
  ["tostream/0", () => TO_STREAM],
  ["fromstream/1", fromStream],
  ["truncate_stream/1", truncateStream],
  ["truncate_stream/2", truncateBy],
  ["walk/1", walk],
]);
