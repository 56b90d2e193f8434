/**
 * `reduce` bodies that only add to their state, such as `. + [$x]` or `.[$k] += 1`.
 *
 * Run as written they would copy the state for every item. When nothing but the state's own path
 * sees the state, it can grow in place: the containers belong to a Spine until the loop is over.
 */
import type { Node, NodeOf } from "../parse/ast.ts";
import { getPath } from "../values/access.ts";
import { binary } from "../values/arithmetic.ts";
import type { BinaryOperator } from "../values/arithmetic.ts";
import { isTrue } from "../values/json.ts";
import type { Json } from "../values/json.ts";
import { deletePaths } from "../values/update.ts";
import type { Spine } from "../values/update.ts";
import { firstOutput } from "./assign.ts";
import type { Code, Env, One } from "./code.ts";

/** Changes the state for one item. */
export type Grow = (state: Spine, env: Env) => void;

type Compile = (node: Node) => Code;

/** Whether a filter's outputs cannot depend on, or contain, its input. */
function ignoresInput(node: Node): boolean {
  switch (node.kind) {
    case "literal":
    case "location":
    case "variable":
      return true;
    case "string":
      return node.parts.every((part) => typeof part === "string" || ignoresInput(part));
    case "index":
      return ignoresInput(node.target) && ignoresInput(node.key);
    case "array":
      return node.body === undefined || ignoresInput(node.body);
    case "object":
      return node.entries.every(({ key, value }) => ignoresInput(key) && ignoresInput(value));
    case "negate":
    case "iterate":
      return ignoresInput(node.kind === "negate" ? node.body : node.target);
    case "pipe":
      return ignoresInput(node.left);
    case "comma":
      return node.items.every(ignoresInput);
    case "binary":
    case "and":
    case "or":
    case "alternative":
      return ignoresInput(node.left) && ignoresInput(node.right);
    default:
      return false;
  }
}

/** The keys of `.a[$k].b`, when they are fixed by the item alone. */
function chainOf(node: Node, compile: Compile): One[] | undefined {
  if (node.kind === "identity") return [];
  if (node.kind !== "index" || node.optional || !ignoresInput(node.key)) return undefined;
  const before = chainOf(node.target, compile);
  const key = compile(node.key).one;
  return before === undefined || key === undefined ? undefined : [...before, key];
}

function growBy(node: NodeOf<"binary">, compile: Compile): Grow | undefined {
  if (node.operator !== "+" || node.left.kind !== "identity") return undefined;
  if (!ignoresInput(node.right)) return undefined;
  const { one } = compile(node.right);
  return one === undefined ? undefined : (state, env) => state.add(one(null, env));
}

type Change = (old: Json, env: Env) => Json | undefined;

function changeBy(node: NodeOf<"assign">, compile: Compile): Change | undefined {
  const value = compile(node.right);
  if (node.operator === "|=") return (old, env) => firstOutput(value, old, env);
  const { one } = value;
  if (one === undefined || !ignoresInput(node.right)) return undefined;
  if (node.operator === "=") return (_old, env) => one(null, env);
  if (node.operator === "//=") {
    return (old, env) => {
      const given = one(null, env);
      return isTrue(old) ? old : given;
    };
  }
  const operate = binary(node.operator.slice(0, -1) as BinaryOperator);
  return (old, env) => operate(old, one(null, env));
}

function growAt(node: NodeOf<"assign">, compile: Compile): Grow | undefined {
  const chain = chainOf(node.left, compile);
  const change = chain === undefined ? undefined : changeBy(node, compile);
  if (chain === undefined || change === undefined || chain.length === 0) return undefined;
  return (state, env) => {
    const keys = chain.map((one) => one(null, env));
    const value = change(getPath(state.root, keys), env);
    if (value !== undefined) state.set(keys, value);
    else state.replace(deletePaths(state.root, [keys]));
  };
}

/** A way to run a reduce body in place, or undefined when it must run as written. */
export function growth(node: Node, compile: Compile): Grow | undefined {
  switch (node.kind) {
    case "pipe": {
      const first = growth(node.left, compile);
      const second = first === undefined ? undefined : growth(node.right, compile);
      if (first === undefined || second === undefined) return undefined;
      return (state, env) => {
        first(state, env);
        second(state, env);
      };
    }
    case "binary":
      return growBy(node, compile);
    case "assign":
      return growAt(node, compile);
    default:
      return undefined;
  }
}
