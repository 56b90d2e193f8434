/** Whether a `catch` takes an error, and whether and when its `retry` tries again (DSL reference "Catch", "Retry"). */
import {
  canonicalErrorType,
  type Json,
  type RetryPolicy,
  type Template,
  type TryNode,
} from "@millrace/language";
import type { Draft } from "./draft.ts";
import type { WorkflowError } from "./error.ts";
import type { TryFrame } from "./frame.ts";
import { duration, evaluate, holds, inputOf, type Site } from "./scope.ts";

/** Longest pause between attempts: keeps exponential back-off inside the range of dates. */
const MAX_DELAY = 365 * 24 * 3600 * 1000;

/** True when the error passes `errors.with`, `when` and `exceptWhen`. */
export function catches(d: Draft, node: TryNode, frame: TryFrame, error: WorkflowError): boolean {
  const { when, exceptWhen } = node.catch;
  const site = siteOf(d, node, frame, error);
  const input = inputOf(d, frame);
  if (!matches(d, node, error, input, site)) return false;
  if (when !== undefined && !holds(d, when, input, site)) return false;
  return exceptWhen === undefined || !holds(d, exceptWhen, input, site);
}

function matches(d: Draft, node: TryNode, error: WorkflowError, input: Json, site: Site): boolean {
  const filter = node.catch.filter ?? {};
  const wanted = (template: Template): Json => evaluate(d, template, input, site);
  if (filter.type !== undefined) {
    const type = wanted(filter.type);
    if (typeof type !== "string" || canonicalErrorType(type) !== canonicalErrorType(error.type))
      return false;
  }
  for (const key of ["status", "title", "detail", "instance"] as const) {
    const template = filter[key];
    if (template !== undefined && wanted(template) !== (error[key] ?? null)) return false;
  }
  return true;
}

/** Milliseconds until the next attempt, or `undefined` when there is to be none. */
export function retryDelay(
  d: Draft,
  node: TryNode,
  retry: RetryPolicy,
  frame: TryFrame,
  error: WorkflowError,
): number | undefined {
  const input = inputOf(d, frame);
  const site = siteOf(d, node, frame, error);
  const { attemptCount } = retry.limit;
  if (attemptCount !== undefined && frame.attempt > attemptCount) return undefined;
  if (retry.when !== undefined && !holds(d, retry.when, input, site)) return undefined;
  if (retry.exceptWhen !== undefined && holds(d, retry.exceptWhen, input, site)) return undefined;
  const delay = backOff(d, retry, frame.attempt, input, site);
  if (retry.limit.duration !== undefined) {
    const longest = duration(d, retry.limit.duration, input, site);
    if (d.env.now + delay - frame.startedAt > longest) return undefined;
  }
  return delay;
}

function backOff(d: Draft, retry: RetryPolicy, attempt: number, input: Json, site: Site): number {
  const base = retry.delay === undefined ? 0 : duration(d, retry.delay, input, site);
  const grown =
    retry.backoff === "exponential"
      ? base * 2 ** (attempt - 1)
      : retry.backoff === "linear"
        ? base * attempt
        : base;
  return Math.round(Math.min(grown + jitter(d, retry, input, site), MAX_DELAY));
}

/** Uniform between `from` and `to`, added to the delay. */
function jitter(d: Draft, retry: RetryPolicy, input: Json, site: Site): number {
  if (retry.jitter === undefined) return 0;
  const from = duration(d, retry.jitter.from, input, site);
  const to = duration(d, retry.jitter.to, input, site);
  return from + d.env.random() * Math.max(0, to - from);
}

function siteOf(d: Draft, node: TryNode, frame: TryFrame, error: WorkflowError): Site {
  const extra = { [node.catch.as]: error as unknown as Json };
  return { frame, node, input: inputOf(d, frame), extra };
}
