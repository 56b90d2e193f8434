/** What expressions see: `.`, the arguments of DSL "Runtime expression arguments", and loop and catch variables. */
import {
  type EvaluationContext,
  type Expression,
  ExpressionError,
  type DurationSpec,
  type Json,
  type JsonObject,
  resolveDuration,
  type Scope,
  type TaskNode,
  type Template,
} from "@millrace/language";
import type { Draft } from "./draft.ts";
import { standardError, TaskError } from "./errors.ts";
import { isoInstant } from "./instant.ts";
import type { Frame } from "./frame.ts";

/** The place an expression is evaluated at. */
export interface Site {
  /** Absent at the workflow's own `input.from` and `output.as`. */
  readonly frame?: Frame;
  readonly node?: TaskNode;
  /** `$input`, where the specification's table gives it. */
  readonly input?: Json;
  /** `$output`. */
  readonly output?: Json;
  /** `$task.output`. */
  readonly rawOutput?: Json;
  /** Variables that hold only here (a loop's before its first task, the error in a catch's conditions). */
  readonly extra?: Scope;
  /** For error instances when there is no node. */
  readonly reference?: string;
}

/** The task's raw input: its own, or its parent's transformed one. */
export function rawOf(d: Draft, frame: Frame): Json {
  if (frame.raw !== undefined) return frame.raw;
  const parent = frame.parent === undefined ? undefined : d.frames.get(frame.parent);
  return parent === undefined ? null : inputOf(d, parent);
}

/** The task's transformed input: `$input`. */
export function inputOf(d: Draft, frame: Frame): Json {
  return frame.input !== undefined ? frame.input : rawOf(d, frame);
}

/** Evaluates at a site; a failure becomes the expression error the specification asks for. */
export function evaluate(d: Draft, what: Expression | Template, dot: Json, site: Site): Json {
  try {
    return what.evaluate(dot, scopeOf(d, what.uses, site), contextOf(d));
  } catch (error) {
    throw asTaskError(error, site);
  }
}

/** jq's truth: everything but `false` and `null`. */
export function holds(d: Draft, condition: Expression, dot: Json, site: Site): boolean {
  const value = evaluate(d, condition, dot, site);
  return value !== false && value !== null;
}

/** A duration in milliseconds. */
export function duration(d: Draft, spec: DurationSpec, dot: Json, site: Site): number {
  if (spec.kind === "constant") return spec.milliseconds;
  try {
    return resolveDuration(spec, dot, scopeOf(d, spec.template.uses, site), contextOf(d));
  } catch (error) {
    throw asTaskError(error, site);
  }
}

/** A failed evaluation as the expression error the specification asks for; anything else as it is. */
export function asTaskError(error: unknown, site: Site): unknown {
  if (!(error instanceof ExpressionError)) return error;
  const reference = site.node?.reference ?? site.reference ?? "/";
  return new TaskError(standardError("expression", error.message, reference));
}

export function contextOf(d: Draft): EvaluationContext {
  const { now, monotonic } = d.env;
  return monotonic === undefined ? { now } : { now, monotonic };
}

/** The variables of these names at a site. */
export function scopeOf(d: Draft, uses: readonly string[], site: Site): Scope {
  if (uses.length === 0) return NOTHING;
  const scope: Record<string, Json> = {};
  for (const name of uses) scope[name] = lookUp(d, name, site);
  return scope;
}
const NOTHING: Scope = Object.freeze({});

function lookUp(d: Draft, name: string, site: Site): Json {
  if (site.extra !== undefined && Object.hasOwn(site.extra, name)) return site.extra[name] ?? null;
  const variable = variableOf(d, name, site.frame);
  if (variable !== undefined) return variable;
  switch (name) {
    case "context":
      return d.state.context;
    case "input":
      return site.input ?? null;
    case "output":
      return site.output ?? null;
    case "task":
      return site.node === undefined
        ? null
        : taskDescriptor(d, extendedSite(d, site.frame) ?? site);
    case "workflow":
      return workflowDescriptor(d);
    case "runtime":
      return { ...d.env.runtime, metadata: {} };
    default:
      return null;
  }
}

/** The nearest enclosing loop or catch that defines the name. */
function variableOf(d: Draft, name: string, from: Frame | undefined): Json | undefined {
  let slot: Frame | undefined = from;
  while (slot?.parent !== undefined) {
    const frame = d.frames.get(slot.parent);
    if (frame === undefined) return undefined;
    const node = d.program.nodes.get(frame.ref);
    if (frame.kind === "for" && node?.kind === "for") {
      if (name === node.each) return itemsOf(d, frame)[frame.index] ?? null;
      if (name === node.at) return frame.index;
    }
    if (frame.kind === "try" && frame.phase === "handler" && node?.kind === "try") {
      if (name === node.catch.as) return (frame.error as unknown as Json) ?? null;
    }
    if (
      (frame.kind === "subscription" && node?.kind === "subscribe") ||
      (frame.kind === "listen" && node?.kind === "listen")
    ) {
      if (name === node.foreach?.item) return frame.item ?? null;
      if (name === node.foreach?.at) return frame.index;
    }
    slot = frame;
  }
  return undefined;
}

/** The collection a loop runs over. */
export function itemsOf(d: Draft, frame: Extract<Frame, { kind: "for" }>): readonly Json[] {
  return frame.items ?? (d.values.get(frame.id) as readonly Json[] | undefined) ?? [];
}

/** In the `before` and `after` of an extension `$task` is the task extended, as in the specification's example of a log. */
function extendedSite(d: Draft, from: Frame | undefined): Site | undefined {
  let parent = from?.parent;
  while (parent !== undefined) {
    const frame = d.frames.get(parent);
    const node =
      frame?.kind === "extended" && frame.phase !== "task" && d.program.nodes.get(frame.ref);
    if (frame?.kind === "extended" && node)
      return { frame, node, ...(frame.output !== undefined && { rawOutput: frame.output }) };
    parent = frame?.parent;
  }
  return undefined;
}

function taskDescriptor(d: Draft, site: Site): JsonObject {
  const { node, frame } = site;
  if (node === undefined) return {};
  const descriptor: Record<string, Json> = {
    name: node.name,
    reference: node.reference,
    definition: node.definition,
  };
  if (frame !== undefined) {
    descriptor.input = rawOf(d, frame);
    descriptor.startedAt = dateTime(frame.startedAt);
  }
  if (site.rawOutput !== undefined) descriptor.output = site.rawOutput;
  return descriptor;
}

function workflowDescriptor(d: Draft): JsonObject {
  return {
    id: d.state.id,
    definition: d.program.definition,
    input: d.state.input,
    startedAt: dateTime(d.state.startedAt),
  };
}

/** DSL "DateTime Descriptor". */
function dateTime(milliseconds: number): JsonObject {
  return {
    iso8601: isoInstant(milliseconds),
    epoch: { seconds: Math.floor(milliseconds / 1000), milliseconds },
  };
}
