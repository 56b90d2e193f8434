/**
 * The backtracking matcher. It keeps its own stack of choices, so that no text can overflow
 * JavaScript's, and pays a step for every instruction, so that no pattern can run away.
 */
import { charge } from "../budget/budget.ts";
import type { Anchor } from "./ast.ts";
import { isWord } from "./classes.ts";
import { fold } from "./fold.ts";
import type { Instruction, MatchProgram } from "./program.ts";

/** Capture positions: two per group, -1 when a group did not take part. */
export type Slots = number[];

export interface SearchOptions {
  readonly notEmpty: boolean;
  readonly longest: boolean;
}

// Kinds of choices on the stack; each entry is a kind and three numbers.
const RETRY = 0;
const UNDO = 1;
const SHRINK = 2;
const GROW = 3;
const UNCALL = 4;
const UNKEEP = 5;

/** One attempt's mutable state. */
export class Matcher {
  private readonly program: MatchProgram;
  private readonly text: readonly number[];
  private readonly stack: number[] = [];
  /** Return addresses as a list: pairs of address and index of the pair below. */
  private readonly frames: number[] = [];
  slots: Slots;
  private frame = -1;
  private keep = -1;
  private searchStart = 0;

  constructor(program: MatchProgram, text: readonly number[]) {
    this.program = program;
    this.text = text;
    this.slots = [];
  }

  /** The first match at or after a position, or undefined. */
  search(from: number, options: SearchOptions): Slots | undefined {
    const { text } = this;
    const { firstPoint, anchored } = this.program;
    this.searchStart = from;
    let best: Slots | undefined;
    const last = anchored ? Math.min(0, text.length) : text.length;
    for (let at = from; at <= last; at += 1) {
      if (firstPoint >= 0 && text[at] !== firstPoint) {
        const start = at;
        while (at < last && text[at + 1] !== firstPoint) at += 1;
        charge(at - start + 1);
        continue;
      }
      const found = this.matchAt(at, options);
      if (found === undefined) continue;
      if (!options.longest) return found;
      if (best === undefined || length(found) > length(best)) best = found;
    }
    return best;
  }

  private matchAt(at: number, options: SearchOptions): Slots | undefined {
    for (let i = 0; i < this.program.slots; i += 1) this.slots[i] = -1;
    this.stack.length = 0;
    this.frames.length = 0;
    this.frame = -1;
    this.keep = -1;
    let best: Slots | undefined;
    let end = this.run(0, at, 0);
    while (end >= 0) {
      if (!(options.notEmpty && end === at)) {
        const found = this.slots.slice();
        found[0] = this.keep >= 0 ? this.keep : at;
        found[1] = end;
        if (!options.longest) return found;
        if (best === undefined || length(found) > length(best)) best = found;
      }
      end = this.resume(0);
    }
    return best;
  }

  /** Runs from an instruction; the end of the match or -1. Choices above `base` are its own. */
  private run(start: number, from: number, base: number): number {
    const { code } = this.program;
    let pc = start;
    let at = from;
    for (;;) {
      charge(1);
      const instruction = code[pc] as Instruction;
      if (instruction.op === "match") return at;
      // Characters are most of what there is, so they are looked at without a call.
      if (instruction.op === "char" && this.text[at] === instruction.point) {
        pc += 1;
        at += 1;
        continue;
      }
      const next = this.step(instruction, pc, at);
      if (next >= 0) {
        pc = next;
        at = this.position;
        continue;
      }
      const retry = this.backtrack(base);
      if (retry < 0) return -1;
      pc = retry;
      at = this.position;
    }
  }

  /** Where the instruction just run left off. */
  private position = 0;

  private resume(base: number): number {
    const retry = this.backtrack(base);
    return retry < 0 ? -1 : this.run(retry, this.position, base);
  }

  /** Runs one instruction; the next one's index, or -1 when it fails. */
  private step(instruction: Instruction, pc: number, at: number): number {
    const point = this.text[at];
    this.position = at;
    switch (instruction.op) {
      case "char":
        this.position = at + 1;
        return point === instruction.point ? pc + 1 : -1;
      case "folded":
        this.position = at + 1;
        return point !== undefined && fold(point) === instruction.point ? pc + 1 : -1;
      case "class":
        this.position = at + 1;
        return point !== undefined && instruction.test(point) ? pc + 1 : -1;
      case "anchor":
        return this.holds(instruction.anchor, at) ? pc + 1 : -1;
      case "split":
        this.stack.push(RETRY, instruction.second, at, 0);
        return instruction.first;
      case "jump":
        return instruction.to;
      case "save":
        this.stack.push(UNDO, instruction.slot, this.slots[instruction.slot] as number, 0);
        this.slots[instruction.slot] = at;
        return pc + 1;
      case "run":
        return this.takeRun(instruction, pc, at);
      case "progress":
        return this.slots[instruction.slot] === at ? instruction.to : pc + 1;
      default:
        return this.stepGroup(instruction, pc, at);
    }
  }

  private stepGroup(instruction: Instruction, pc: number, at: number): number {
    switch (instruction.op) {
      case "look":
        return this.look(instruction, pc, at);
      case "atomic": {
        const end = this.alone(pc + 1, at);
        this.position = end;
        return end < 0 ? -1 : instruction.end;
      }
      case "keep":
        this.stack.push(UNKEEP, this.keep, 0, 0);
        this.keep = at;
        return pc + 1;
      case "backreference":
        return this.refer(instruction.groups, instruction.ignoreCase, at) ? pc + 1 : -1;
      case "call":
        // A call that consumes nothing still fills the stack, which is the dear part.
        charge(4);
        this.stack.push(UNCALL, this.frame, 0, 0);
        this.frames.push(pc + 1, this.frame);
        this.frame = this.frames.length - 2;
        return this.program.entries.get(instruction.group) as number;
      case "return": {
        const { frame } = this;
        this.stack.push(UNCALL, frame, 0, 0);
        this.frame = this.frames[frame + 1] as number;
        return this.frames[frame] as number;
      }
      case "condition":
        return (this.slots[2 * instruction.group + 1] as number) >= 0 ? pc + 1 : instruction.no;
      default:
        return -1;
    }
  }

  /** A run of single characters: takes all at once and leaves one choice behind. */
  private takeRun(run: Extract<Instruction, { op: "run" }>, pc: number, at: number): number {
    const { text } = this;
    const most = run.mode === "lazy" ? run.min : run.max;
    let end = at;
    while (end - at < most && end < text.length && run.test(text[end] as number)) end += 1;
    charge((end - at) >> 2);
    if (end - at < run.min) return -1;
    if (run.mode === "greedy" && end > at + run.min) {
      this.stack.push(SHRINK, pc + 1, at + run.min, end);
    } else if (run.mode === "lazy" && run.max > run.min) this.stack.push(GROW, pc, end, at);
    this.position = end;
    return pc + 1;
  }

  /** Undoes down to the latest choice; where to go on, or -1. */
  private backtrack(base: number): number {
    const { stack } = this;
    while (stack.length > base) {
      charge(1);
      const c = stack.pop() as number;
      const b = stack.pop() as number;
      const a = stack.pop() as number;
      const kind = stack.pop() as number;
      switch (kind) {
        case RETRY:
          this.position = b;
          return a;
        case SHRINK:
          if (c - 1 > b) stack.push(SHRINK, a, b, c - 1);
          this.position = c - 1;
          return a;
        case GROW: {
          const next = this.grow(a, b, c);
          if (next >= 0) return next;
          break;
        }
        default:
          this.undo(kind, a, b);
      }
    }
    return -1;
  }

  private undo(kind: number, a: number, b: number): void {
    if (kind === UNDO) this.slots[a] = b;
    else if (kind === UNCALL) this.frame = a;
    else this.keep = a;
  }

  /** One more character for a lazy run that began at `start` and now ends at `end`. */
  private grow(pc: number, end: number, start: number): number {
    const run = this.program.code[pc] as Extract<Instruction, { op: "run" }>;
    const point = this.text[end];
    if (point === undefined || !run.test(point)) return -1;
    if (end + 1 - start < run.max) this.stack.push(GROW, pc, end + 1, start);
    this.position = end + 1;
    return pc + 1;
  }

  /** Runs an enclosed part to its end and drops its choices, but keeps what undoes its captures. */
  private alone(pc: number, at: number): number {
    const base = this.stack.length;
    const end = this.run(pc, at, base);
    if (end >= 0) this.dropChoices(base);
    return end;
  }

  private dropChoices(base: number): void {
    const { stack } = this;
    let to = base;
    for (let i = base; i < stack.length; i += 4) {
      const kind = stack[i] as number;
      if (kind === UNDO || kind === UNCALL || kind === UNKEEP) {
        for (let j = 0; j < 4; j += 1) stack[to + j] = stack[i + j] as number;
        to += 4;
      }
    }
    stack.length = to;
  }

  private look(look: Extract<Instruction, { op: "look" }>, pc: number, at: number): number {
    const base = this.stack.length;
    let found = false;
    for (const back of look.lengths ?? [0]) {
      const start = at - back;
      if (start < 0) continue;
      let end = this.run(pc + 1, start, base);
      while (end >= 0 && look.lengths !== undefined && end !== at) end = this.resume(base);
      if (end >= 0) {
        found = true;
        break;
      }
    }
    if (found && !look.negative) this.dropChoices(base);
    // Whatever a negative look captured is undone.
    while (look.negative && this.stack.length > base) this.backtrackAll(base);
    this.position = at;
    return found === look.negative ? -1 : look.end;
  }

  private backtrackAll(base: number): void {
    const { stack } = this;
    while (stack.length > base) {
      stack.pop();
      const b = stack.pop() as number;
      const a = stack.pop() as number;
      const kind = stack.pop() as number;
      if (kind === UNDO || kind === UNCALL || kind === UNKEEP) this.undo(kind, a, b);
    }
  }

  /** Matches again what one of some groups matched; the last that took part counts. */
  private refer(groups: readonly number[], ignoreCase: boolean, at: number): boolean {
    for (const group of groups.toReversed()) {
      const start = this.slots[2 * group] as number;
      const end = this.slots[2 * group + 1] as number;
      if (start < 0 || end < 0) continue;
      charge((end - start) >> 2);
      for (let i = 0; i < end - start; i += 1) {
        const a = this.text[start + i] as number;
        const b = this.text[at + i];
        if (a !== b && !(ignoreCase && b !== undefined && fold(a) === fold(b))) return false;
      }
      this.position = at + end - start;
      return true;
    }
    return false;
  }

  private wordAt(at: number): boolean {
    const point = this.text[at];
    return point !== undefined && isWord(point);
  }

  private holds(anchor: Anchor, at: number): boolean {
    const { text } = this;
    switch (anchor) {
      case "text-start":
        return at === 0;
      case "text-end":
        return at === text.length;
      case "text-end-or-last-newline":
        return at === text.length || (at === text.length - 1 && text[at] === 10);
      case "line-start":
        return at === 0 || (text[at - 1] === 10 && at < text.length);
      case "line-end":
        return at === text.length || text[at] === 10;
      case "word-boundary":
        return this.wordAt(at - 1) !== this.wordAt(at);
      case "no-word-boundary":
        return this.wordAt(at - 1) === this.wordAt(at);
      case "search-start":
        return at === this.searchStart;
      default:
        return anchor;
    }
  }
}

function length(slots: Slots): number {
  return (slots[1] as number) - (slots[0] as number);
}
