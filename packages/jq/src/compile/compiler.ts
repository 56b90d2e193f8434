/** Turns syntax trees into code: one method per kind of node. */
import { binary } from "../values/arithmetic.ts";
import { variable } from "../budget/budget.ts";
import type { Problem } from "../errors.ts";
import { positionAt } from "../errors.ts";
import { findBuiltin, refusal } from "../builtins/registry.ts";
import { formatter, isFormat } from "../values/formats.ts";
import type { Definition, Node, NodeOf, Pattern } from "../parse/ast.ts";
import { indexAccess, iterate, sliceAccess } from "./access.ts";
import { alternativeUpdate, arithmeticUpdate, assign, modify } from "./assign.ts";
import { bind } from "./bindings.ts";
import { breakTo, label } from "./breaks.ts";
import { callFilter, callFunction, readVariable } from "./calls.ts";
import type { Argument, Callee } from "./calls.ts";
import { constant, EMPTY, IDENTITY, single } from "./code.ts";
import type { Code } from "./code.ts";
import { collect, construct, interpolate, tuple } from "./construct.ts";
import { tryCatch } from "./errors.ts";
import { alternative, and, comma, conditional, or, pipe } from "./flow.ts";
import { growth } from "./growth.ts";
import { foreach, reduce } from "./loops.ts";
import { negation, operation } from "./operators.ts";
import { compilePatterns } from "./patterns.ts";
import type { BoundPatterns } from "./patterns.ts";
import { cellsOf, find, findCallable, withCell, withFunction } from "./scope.ts";
import type { Scope } from "./scope.ts";

/**
 * Recursive definitions compile twice at worst, and nested ones twice for each time the outer does,
 * so the number of second tries is limited.
 */
const MAX_RETRIES = 32;

/** Further problems are counted no more: the first ones are enough to go by. */
const MAX_PROBLEMS = 100;

/** `variables` are the names a program may read by `$name`, in the order `run` passes their values. */
export class Compiler {
  readonly problems: Problem[] = [];
  private readonly source: string;
  private readonly variables: readonly string[];
  private compiled = new Map<Node, Code>();
  /** Definitions compiled a second time. */
  private retries = 0;

  constructor(source: string, variables: readonly string[]) {
    this.source = source;
    this.variables = variables;
  }

  /** A node has one scope, so asking for its code again gives the same code. */
  compile(node: Node, scope: Scope | null): Code {
    const known = this.compiled.get(node);
    if (known !== undefined) return known;
    const code = this.compileNew(node, scope);
    this.compiled.set(node, code);
    return code;
  }

  private compileNew(node: Node, scope: Scope | null): Code {
    switch (node.kind) {
      case "identity":
        return IDENTITY;
      case "recurse":
        return this.builtin("recurse", [], node.at);
      case "location":
        return constant({ file: "<top-level>", line: node.line });
      case "literal":
        return constant(node.value);
      case "format":
        return this.format(node);
      case "string":
        return this.string(node, scope);
      case "index":
      case "slice":
      case "iterate":
        return this.access(node, scope);
      case "array":
      case "object":
        return this.construction(node, scope);
      case "variable":
        return this.variable(node.name, node.at, scope);
      case "call":
        return this.call(node, scope);
      case "define":
        return this.compile(node.body, this.define(node.definition, scope));
      case "label":
        return label(this.compile(node.body, withCell(scope, "label", node.name)));
      case "break":
        return this.break(node, scope);
      case "bind":
      case "reduce":
      case "foreach":
        return this.binding(node, scope);
      default:
        return this.operator(node, scope);
    }
  }

  private operator(
    node: NodeOf<
      | "try"
      | "negate"
      | "pipe"
      | "comma"
      | "binary"
      | "and"
      | "or"
      | "alternative"
      | "assign"
      | "if"
    >,
    scope: Scope | null,
  ): Code {
    switch (node.kind) {
      case "try": {
        const handler = node.handler === undefined ? EMPTY : this.compile(node.handler, scope);
        return tryCatch(this.compile(node.body, scope), handler);
      }
      case "negate":
        return negation(this.compile(node.body, scope));
      case "comma":
        return comma(node.items.map((item) => this.compile(item, scope)));
      case "if": {
        const no = node.no === undefined ? IDENTITY : this.compile(node.no, scope);
        return conditional(this.compile(node.condition, scope), this.compile(node.yes, scope), no);
      }
      case "pipe":
        return pipe(this.compile(node.left, scope), this.compile(node.right, scope));
      case "assign":
        return this.assignment(node, scope);
      default: {
        const left = this.compile(node.left, scope);
        const right = this.compile(node.right, scope);
        if (node.kind === "binary") return operation(node.operator, left, right);
        if (node.kind === "and") return and(left, right);
        return node.kind === "or" ? or(left, right) : alternative(left, right);
      }
    }
  }

  private problem(at: number, message: string): Code {
    if (this.problems.length < MAX_PROBLEMS) {
      this.problems.push({ message, position: positionAt(this.source, at) });
    }
    return IDENTITY;
  }

  private format(node: NodeOf<"format">): Code {
    if (!isFormat(node.name)) return this.problem(node.at, `${node.name} is not a valid format`);
    return single(formatter(node.name));
  }

  private string(node: NodeOf<"string">, scope: Scope | null): Code {
    if (!isFormat(node.format))
      return this.problem(node.at, `${node.format} is not a valid format`);
    const parts = node.parts.map((part) =>
      typeof part === "string" ? part : this.compile(part, scope),
    );
    return interpolate(node.format, parts);
  }

  private access(node: NodeOf<"index" | "slice" | "iterate">, scope: Scope | null): Code {
    const target = this.compile(node.target, scope);
    if (node.kind === "iterate") return iterate(target, node.optional);
    if (node.kind === "slice") {
      const from = node.from === undefined ? undefined : this.compile(node.from, scope);
      const to = node.to === undefined ? undefined : this.compile(node.to, scope);
      return sliceAccess(target, from, to, node.optional);
    }
    const key = this.compile(node.key, scope);
    const fixed = node.key.kind === "literal" ? node.key.value : undefined;
    return indexAccess(target, key, node.optional, fixed);
  }

  private construction(node: NodeOf<"array" | "object">, scope: Scope | null): Code {
    if (node.kind === "object") {
      const entries = node.entries.map(({ key, value }) => {
        const codes = { key: this.compile(key, scope), value: this.compile(value, scope) };
        const fixed = key.kind === "literal" ? key.value : undefined;
        return typeof fixed === "string" ? { ...codes, fixed } : codes;
      });
      return construct(entries);
    }
    const { body } = node;
    if (body === undefined) return single(() => []);
    if (body.kind === "comma") {
      const items = body.items.map((item) => this.compile(item, scope));
      const ones = items.map((item) => item.one);
      return ones.every((one) => one !== undefined) ? tuple(ones) : collect(comma(items));
    }
    return collect(this.compile(body, scope));
  }

  private assignment(node: NodeOf<"assign">, scope: Scope | null): Code {
    const target = this.compile(node.left, scope);
    const value = this.compile(node.right, scope);
    switch (node.operator) {
      case "=":
        return assign(target, value);
      case "|=":
        return modify(target, value);
      case "//=":
        return alternativeUpdate(target, value);
      case "+=":
        return arithmeticUpdate(target, value, binary("+"));
      case "-=":
        return arithmeticUpdate(target, value, binary("-"));
      case "*=":
        return arithmeticUpdate(target, value, binary("*"));
      case "/=":
        return arithmeticUpdate(target, value, binary("/"));
      case "%=":
        return arithmeticUpdate(target, value, binary("%"));
      default:
        return node.operator;
    }
  }

  private binding(node: NodeOf<"bind" | "reduce" | "foreach">, scope: Scope | null): Code {
    const source = this.compile(node.source, scope);
    const { to, inner } = this.patterns(node.patterns, scope);
    if (node.kind === "bind") return bind(source, to, this.compile(node.body, inner));
    const init = this.compile(node.init, scope);
    const loop = { source, to, init, update: this.compile(node.update, inner) };
    if (node.kind === "reduce") {
      const isSimple = node.patterns.length === 1;
      const grow = isSimple ? growth(node.update, (part) => this.compile(part, inner)) : undefined;
      return reduce({ ...loop, grow });
    }
    return foreach(
      loop,
      node.extract === undefined ? undefined : this.compile(node.extract, inner),
    );
  }

  private patterns(patterns: readonly Pattern[], scope: Scope | null): BoundPatterns {
    return compilePatterns(patterns, scope, (node) => this.compile(node, scope));
  }

  private define(definition: Definition, scope: Scope | null): Scope {
    const assumedOne = this.retries < MAX_RETRIES;
    const noted = this.problems.length;
    const { compiled } = this;
    this.compiled = new Map();
    const callee: Callee = { code: undefined, assumedOne, isRecursive: false };
    const outer = this.defineAs(definition, scope, callee);
    this.compiled = compiled;
    const isRight = callee.code?.one !== undefined || !callee.isRecursive;
    if (isRight || !assumedOne || this.problems.length > noted) return outer;
    this.retries += 1;
    return this.defineAs(definition, scope, {
      code: undefined,
      assumedOne: false,
      isRecursive: false,
    });
  }

  private defineAs(definition: Definition, scope: Scope | null, callee: Callee): Scope {
    const values = definition.parameters.map((parameter) => parameter.isValue);
    const outer = withFunction(scope, definition.name, values, callee);
    let inner: Scope = outer;
    for (const { name, isValue } of definition.parameters) {
      inner = withCell(inner, isValue ? "variable" : "filter", name);
    }
    callee.code = this.compile(definition.body, inner);
    return outer;
  }

  private variable(name: string, at: number, scope: Scope | null): Code {
    const entry = find(scope, "variable", name);
    if (entry !== undefined) return readVariable(cellsOf(scope) - entry.cells);
    const global = this.variables.indexOf(name);
    if (global >= 0) return single(() => variable(global));
    if (name === "ENV")
      return this.problem(at, "$ENV is refused: programs cannot read the environment");
    return this.problem(at, `$${name} is not defined`);
  }

  private break(node: NodeOf<"break">, scope: Scope | null): Code {
    const entry = find(scope, "label", node.name);
    if (entry === undefined) return this.problem(node.at, `$*label-${node.name} is not defined`);
    return breakTo(cellsOf(scope) - entry.cells);
  }

  private call(node: NodeOf<"call">, scope: Scope | null): Code {
    const entry = findCallable(scope, node.name, node.args.length);
    if (entry === undefined) {
      const args = node.args.map((arg) => this.compile(arg, scope));
      return this.builtin(node.name, args, node.at);
    }
    const hops = cellsOf(scope) - entry.cells;
    switch (entry.kind) {
      case "filter":
        return callFilter(hops);
      case "function":
        return callFunction(
          entry.callee,
          hops,
          node.args.map((arg, i) => this.argument(arg, entry.values[i] === true, scope)),
        );
      default:
        return entry;
    }
  }

  private argument(node: Node, isValue: boolean, scope: Scope | null): Argument {
    if (isValue) return { kind: "value", code: this.compile(node, scope) };
    if (node.kind === "call" && node.args.length === 0) {
      const entry = findCallable(scope, node.name, 0);
      if (entry?.kind === "filter") return { kind: "forward", hops: cellsOf(scope) - entry.cells };
    }
    return { kind: "filter", code: this.compile(node, scope) };
  }

  private builtin(name: string, args: readonly Code[], at: number): Code {
    const build = findBuiltin(name, args.length);
    if (build !== undefined) return build(args);
    const signature = `${name}/${args.length}`;
    const refused = refusal(name);
    return this.problem(
      at,
      refused === undefined ? `${signature} is not defined` : `${signature} is refused: ${refused}`,
    );
  }
}
