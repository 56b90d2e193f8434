/** Translates patterns into instructions for the matcher. */
import { chargeBuilt } from "../budget/budget.ts";
import type { Anchor, ParsedPattern, PatternNode, Repeat, Test } from "./ast.ts";
import { fold } from "./fold.ts";
import { regexError } from "./reader.ts";
import { widths } from "./widths.ts";

/** Instructions; jump targets are indexes. */
export type Instruction =
  | { readonly op: "char"; readonly point: number }
  | { readonly op: "folded"; readonly point: number }
  | { readonly op: "class"; readonly test: Test }
  | { readonly op: "anchor"; readonly anchor: Anchor }
  /** Goes on at `first`, later at `second` when that fails. */
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "save"; readonly slot: number }
  /** A run of single characters, longest or shortest first. */
  | {
      readonly op: "run";
      readonly test: Test;
      readonly min: number;
      readonly max: number;
      readonly mode: Repeat["mode"];
    }
  /** Leaves a loop whose body matched nothing since `slot` was saved. */
  | { readonly op: "progress"; readonly slot: number; to: number }
  | {
      readonly op: "look";
      readonly negative: boolean;
      readonly lengths: readonly number[] | undefined;
      end: number;
    }
  | { readonly op: "atomic"; end: number }
  | { readonly op: "keep" }
  | {
      readonly op: "backreference";
      readonly groups: readonly number[];
      readonly ignoreCase: boolean;
    }
  | { readonly op: "call"; readonly group: number }
  | { readonly op: "return" }
  | { readonly op: "condition"; readonly group: number; no: number }
  | { readonly op: "match" };

export interface MatchProgram {
  readonly code: readonly Instruction[];
  /** Capture slots (two per group, group 0 first) and then loop registers. */
  readonly slots: number;
  readonly groups: number;
  readonly names: readonly (string | null)[];
  /** Where each group that is called begins. */
  readonly entries: ReadonlyMap<number, number>;
  /** A code point every match must start with, or -1. */
  readonly firstPoint: number;
  /** Matches can only begin at the start of the text. */
  readonly anchored: boolean;
}

const MAX_INSTRUCTIONS = 50_000;

/** The class test of a node that matches exactly one character. */
function singleTest(node: PatternNode): Test | undefined {
  if (node.kind === "class") return node.test;
  if (node.kind !== "char") return undefined;
  const { point } = node;
  if (!node.ignoreCase) return (other) => other === point;
  const folded = fold(point);
  return (other) => fold(other) === folded;
}

class Generator {
  readonly code: Instruction[] = [];
  readonly entries = new Map<number, number>();
  slots: number;
  private readonly called: ReadonlySet<number>;

  constructor(groups: number, called: ReadonlySet<number>) {
    this.slots = 2 * (groups + 1);
    this.called = called;
  }

  private emit<T extends Instruction>(instruction: T): T {
    chargeBuilt(1);
    if (this.code.length >= MAX_INSTRUCTIONS) regexError("too big number range in repeat");
    this.code.push(instruction);
    return instruction;
  }

  generate(node: PatternNode): void {
    switch (node.kind) {
      case "empty":
        return;
      case "char":
        if (node.ignoreCase) this.emit({ op: "folded", point: fold(node.point) });
        else this.emit({ op: "char", point: node.point });
        return;
      case "class":
        this.emit({ op: "class", test: node.test });
        return;
      case "anchor":
        this.emit({ op: "anchor", anchor: node.anchor });
        return;
      case "sequence":
        for (const item of node.items) this.generate(item);
        return;
      case "choice":
        this.choice(node.options);
        return;
      case "repeat":
        this.repeat(node);
        return;
      default:
        this.group(node);
    }
  }

  private group(
    node: Exclude<
      PatternNode,
      { kind: "empty" | "char" | "class" | "anchor" | "sequence" | "choice" | "repeat" }
    >,
  ): void {
    switch (node.kind) {
      case "capture":
        this.capture(node.index, node.body);
        return;
      case "atomic": {
        const atomic = this.emit({ op: "atomic", end: 0 });
        this.enclosed(node.body);
        atomic.end = this.code.length;
        return;
      }
      case "look": {
        const lengths = node.behind ? widths(node.body) : undefined;
        if (node.behind && lengths === undefined) regexError("invalid pattern in look-behind");
        const look = this.emit({ op: "look", negative: node.negative, lengths, end: 0 });
        this.enclosed(node.body);
        look.end = this.code.length;
        return;
      }
      case "keep":
        this.emit({ op: "keep" });
        return;
      case "backreference":
        this.emit({ op: "backreference", groups: node.groups, ignoreCase: node.ignoreCase });
        return;
      case "call":
        this.emit({ op: "call", group: node.index });
        return;
      case "condition": {
        const condition = this.emit({ op: "condition", group: node.group, no: 0 });
        this.generate(node.yes);
        const over = this.emit({ op: "jump", to: 0 });
        condition.no = this.code.length;
        this.generate(node.no);
        over.to = this.code.length;
        return;
      }
      default:
        node satisfies never;
    }
  }

  /** A part the matcher runs on its own; it ends with `match`. */
  private enclosed(body: PatternNode): void {
    this.generate(body);
    this.emit({ op: "match" });
  }

  private choice(options: readonly PatternNode[]): void {
    const exits: { to: number }[] = [];
    for (const [i, option] of options.entries()) {
      if (i === options.length - 1) {
        this.generate(option);
        break;
      }
      const split = this.emit({ op: "split", first: this.code.length + 1, second: 0 });
      this.generate(option);
      exits.push(this.emit({ op: "jump", to: 0 }));
      split.second = this.code.length;
    }
    for (const exit of exits) exit.to = this.code.length;
  }

  /** A group that is called elsewhere becomes a subroutine. */
  private capture(index: number, body: PatternNode): void {
    if (!this.called.has(index)) {
      this.captured(index, body);
      return;
    }
    this.emit({ op: "call", group: index });
    const over = this.emit({ op: "jump", to: 0 });
    this.entries.set(index, this.code.length);
    this.captured(index, body);
    this.emit({ op: "return" });
    over.to = this.code.length;
  }

  private captured(index: number, body: PatternNode): void {
    this.emit({ op: "save", slot: 2 * index });
    this.generate(body);
    this.emit({ op: "save", slot: 2 * index + 1 });
  }

  private repeat(node: Repeat): void {
    const test = singleTest(node.body);
    if (test !== undefined) {
      const { min, max, mode } = node;
      this.emit({ op: "run", test, min, max, mode });
    } else if (node.mode === "possessive") {
      const atomic = this.emit({ op: "atomic", end: 0 });
      this.loops({ ...node, mode: "greedy" });
      this.emit({ op: "match" });
      atomic.end = this.code.length;
    } else this.loops(node);
  }

  private loops(node: Repeat): void {
    for (let i = 0; i < node.min; i += 1) this.generate(node.body);
    if (node.max === Number.POSITIVE_INFINITY) this.endless(node);
    else this.optional(node);
  }

  private fork(lazy: boolean): (otherwise: number) => void {
    const split = this.emit({ op: "split", first: 0, second: 0 });
    const inside = this.code.length;
    return (otherwise) => {
      split.first = lazy ? otherwise : inside;
      split.second = lazy ? inside : otherwise;
    };
  }

  private endless(node: Repeat): void {
    const start = this.code.length;
    const join = this.fork(node.mode === "lazy");
    const slot = this.slots++;
    this.emit({ op: "save", slot });
    this.generate(node.body);
    const progress = this.emit({ op: "progress", slot, to: 0 });
    this.emit({ op: "jump", to: start });
    progress.to = this.code.length;
    join(this.code.length);
  }

  private optional(node: Repeat): void {
    const joins: ((otherwise: number) => void)[] = [];
    for (let i = node.min; i < node.max; i += 1) {
      joins.push(this.fork(node.mode === "lazy"));
      this.generate(node.body);
    }
    for (const join of joins) join(this.code.length);
  }
}

function calls(node: PatternNode, found: Set<number>): void {
  switch (node.kind) {
    case "call":
      found.add(node.index);
      return;
    case "sequence":
      for (const item of node.items) calls(item, found);
      return;
    case "choice":
      for (const option of node.options) calls(option, found);
      return;
    case "condition":
      calls(node.yes, found);
      calls(node.no, found);
      return;
    case "repeat":
    case "capture":
    case "atomic":
    case "look":
      calls(node.body, found);
      return;
    default:
  }
}

/** What every match begins with, as far as the first instructions tell. */
function beginning(code: readonly Instruction[]): { firstPoint: number; anchored: boolean } {
  let at = 0;
  while (code[at]?.op === "save") at += 1;
  const first = code[at] as Instruction;
  return {
    firstPoint: first.op === "char" ? first.point : -1,
    anchored: first.op === "anchor" && first.anchor === "text-start",
  };
}

export function generateProgram({ root, groups, names }: ParsedPattern): MatchProgram {
  const called = new Set<number>();
  calls(root, called);
  const whole: PatternNode = called.has(0) ? { kind: "capture", index: 0, body: root } : root;
  const generator = new Generator(groups, called);
  generator.generate(whole);
  generator.code.push({ op: "match" });
  const { code, slots, entries } = generator;
  return { code, slots, groups, names, entries, ...beginning(code) };
}
