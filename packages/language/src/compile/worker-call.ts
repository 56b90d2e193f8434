/** `call: worker`: a function that a remote worker has registered does the work (docs/workers.md). */
import { DurationError, parseDuration } from "../duration.ts";
import type { Json } from "../json.ts";
import type { CallNode, TaskBase } from "../program.ts";
import { workerArguments } from "../schema/calls.ts";
import { parsePath } from "../issue.ts";
import { checkShape } from "../validate/structure.ts";
import { Walk } from "../validate/walk.ts";
import { asObject, down, type Place, report } from "./place.ts";
import { compileObject, compileTemplate, type Part, untouched } from "./template.ts";
import { wholeExpression } from "./text.ts";

export const WORKER = "worker";

/** Milliseconds that a lease may last. */
export const SHORTEST_LEASE = 1_000;
export const LONGEST_LEASE = 3_600_000;

/** @param written `with`, not checked yet: the official schema knows no workers */
export function compileWorkerCall(
  written: Json | undefined,
  common: TaskBase,
  place: Place,
): CallNode {
  const walk = new Walk(parsePath(place.of.definition, place.pointer));
  checkShape(workerArguments, written ?? {}, walk);
  place.of.issues.push(...walk.issues);
  const { lease } = asObject(written);
  if (walk.issues.length === 0 && lease !== undefined) checkLease(lease, down(place, "lease"));
  const template = compileObject(
    asObject(written),
    { ...place, defers: true },
    { function: namePart, pool: namePart },
  );
  return { ...common, kind: "call", call: WORKER, with: template };
}

/** A name is one in every mode of evaluation; only `${ … }` is not. */
function namePart(value: Json, place: Place): Part {
  const expression = typeof value === "string" && wholeExpression(value) !== undefined;
  return expression ? compileTemplate(value, place) : untouched();
}

function checkLease(lease: Json, place: Place): void {
  if (typeof lease === "string" && wholeExpression(lease) !== undefined) return;
  const problem = leaseProblem(lease);
  if (problem !== undefined) report(place, "value", problem);
}

/** Why this is no length of a lease; undefined when it is one. */
export function leaseProblem(lease: unknown): string | undefined {
  try {
    const milliseconds = parseDuration(lease);
    if (milliseconds >= SHORTEST_LEASE && milliseconds <= LONGEST_LEASE) return undefined;
    return `a lease lasts from ${SHORTEST_LEASE / 1_000} second to ${LONGEST_LEASE / 3_600_000} hour`;
  } catch (error) {
    if (error instanceof DurationError) return error.message;
    throw error;
  }
}
