/** `reduce` and `foreach` (manual: Reduction, foreach). */
import { charge } from "../budget/budget.ts";
import type { Json } from "../values/json.ts";
import { lastOutput } from "./bindings.ts";
import type { Binder } from "./bindings.ts";
import { mustGo } from "./breaks.ts";
import type { Grow } from "./growth.ts";
import { Spine } from "../values/update.ts";
import { Code, GO, single, STOP } from "./code.ts";
import type { Emit, Env, MaybePath, Paths, Run, Signal } from "./code.ts";

interface Loop {
  readonly source: Code;
  readonly to: Binder;
  readonly init: Code;
  readonly update: Code;
  /** The update as changes in place, when it allows that. */
  readonly grow?: Grow | undefined;
}

interface State {
  value: Json;
  path: MaybePath;
}

function reducePaths({ source, to, init, update }: Loop): Paths {
  return (input, path, env, emit) =>
    init.paths(input, path, env, (value, at) => {
      const state: State = { value, path: at };
      const signal = source.run(input, env, (item) =>
        to.bind(item, env, (inner) => {
          charge(1);
          const before = { ...state };
          state.value = null;
          state.path = null;
          return update.paths(before.value, before.path, inner, (next, where) => {
            state.value = next;
            state.path = where;
            return GO;
          });
        }),
      );
      return signal === STOP ? STOP : emit(state.value, state.path);
    });
}

function foldInPlace(
  { source, to }: Loop,
  grow: Grow,
  input: Json,
  env: Env,
  start: Json,
  done: Emit,
): Signal {
  const state = new Spine(start);
  const signal = source.run(input, env, (item) =>
    to.bind(item, env, (inner) => {
      charge(1);
      grow(state, inner);
      return GO;
    }),
  );
  return signal === STOP ? STOP : done(state.root);
}

/** `reduce source as patterns (init; update)` */
export function reduce(loop: Loop): Code {
  const { source, to, init, update } = loop;
  const { grow } = loop;
  const fold = (input: Json, env: Env, start: Json, done: Emit): Signal => {
    if (grow !== undefined) return foldInPlace(loop, grow, input, env, start, done);
    let state = start;
    const keep = (value: Json): void => {
      state = value;
    };
    const signal = source.run(input, env, (item) =>
      to.bind(item, env, (inner) => {
        charge(1);
        return lastOutput(update, state, inner, keep);
      }),
    );
    return signal === STOP ? STOP : done(state);
  };
  const paths = reducePaths(loop);
  const start = init.one;
  if (start !== undefined) {
    return single((input, env) => {
      let result: Json = null;
      mustGo(
        fold(input, env, start(input, env), (value) => {
          result = value;
          return GO;
        }),
      );
      return result;
    }, paths);
  }
  const run: Run = (input, env, emit) =>
    init.run(input, env, (value) => fold(input, env, value, emit));
  return new Code({ run, paths });
}

function foreachPaths({ source, to, init, update }: Loop, extract: Code | undefined): Paths {
  return (input, path, env, emit) =>
    init.paths(input, path, env, (value, at) => {
      const state: State = { value, path: at };
      return source.run(input, env, (item) =>
        to.bind(item, env, (inner) => {
          charge(1);
          const before = { ...state };
          state.value = null;
          state.path = null;
          return update.paths(before.value, before.path, inner, (next, where) => {
            state.value = next;
            state.path = where;
            return extract === undefined
              ? emit(next, where)
              : extract.paths(next, where, inner, emit);
          });
        }),
      );
    });
}

/** `foreach source as patterns (init; update; extract)` */
export function foreach(loop: Loop, extract: Code | undefined): Code {
  const { source, to, init, update } = loop;
  const run: Run = (input, env, emit) =>
    init.run(input, env, (start) => {
      let state = start;
      return source.run(input, env, (item) =>
        to.bind(item, env, (inner) => {
          charge(1);
          const before = state;
          // An update without outputs leaves null, as in jq.
          state = null;
          return update.run(before, inner, (next) => {
            state = next;
            return extract === undefined ? emit(next) : extract.run(next, inner, emit);
          });
        }),
      );
    });
  return new Code({ run, paths: foreachPaths(loop, extract) });
}
