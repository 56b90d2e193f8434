/** `try` with its `catch` and retry policy (DSL reference "Try", "Catch", "Retry"). */
import { canonicalErrorType } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import type {
  Catch,
  DurationSpec,
  ErrorFilter,
  RetryPolicy,
  TaskBase,
  Template,
  TryNode,
} from "../program.ts";
import { compileDuration } from "./durations.ts";
import { compileFlow } from "./flow.ts";
import { variableName } from "./loops.ts";
import { asObject, down, given, type Place, withVariables } from "./place.ts";
import { compileTaskList } from "./lists.ts";
import { conditionOf } from "./expression.ts";
import { compileTemplate } from "./template.ts";
import { lookUp } from "./use.ts";

export function compileTry(task: JsonObject, common: TaskBase, place: Place): TryNode {
  return {
    ...common,
    kind: "try",
    tasks: compileTaskList(task.try, down(place, "try")),
    catch: compileCatch(asObject(task.catch), down(place, "catch")),
  };
}

function compileCatch(written: JsonObject, place: Place): Catch {
  const as = variableName(written, "as", "error", place);
  const inside = withVariables(place, as);
  const filter = asObject(written.errors).with;
  return {
    as,
    ...given("filter", compileFilter(filter, down(inside, "errors", "with"))),
    ...given("when", conditionOf(written, "when", inside)),
    ...given("exceptWhen", conditionOf(written, "exceptWhen", inside)),
    ...given("retry", compileRetry(written.retry, down(inside, "retry"))),
    ...given(
      "tasks",
      written.do === undefined ? undefined : compileTaskList(written.do, down(inside, "do")),
    ),
    ...given(
      "then",
      written.then === undefined ? undefined : compileFlow(written.then, down(place, "then")),
    ),
  };
}

const FILTERED = ["type", "status", "title", "detail", "instance"] as const;

function compileFilter(value: Json | undefined, place: Place): ErrorFilter | undefined {
  if (value === undefined) return undefined;
  const written = asObject(value);
  const filter: { -readonly [K in keyof ErrorFilter]: Template } = {};
  for (const key of FILTERED) {
    const wanted = written[key];
    if (wanted === undefined) continue;
    const canonical =
      key === "type" && typeof wanted === "string" ? canonicalErrorType(wanted) : wanted;
    filter[key] = compileTemplate(canonical, down(place, key));
  }
  return filter;
}

/** `retry`: inline, or the name of a policy in `use.retries`. */
function compileRetry(value: Json | undefined, place: Place): RetryPolicy | undefined {
  if (value === undefined) return undefined;
  const used = typeof value === "string" ? lookUp("retries", value, place) : { value, place };
  return used === undefined ? undefined : compilePolicy(asObject(used.value), used.place);
}

function compilePolicy(policy: JsonObject, place: Place): RetryPolicy {
  const backoff = asObject(policy.backoff);
  const limit = asObject(policy.limit);
  const attempt = asObject(limit.attempt);
  const { count } = attempt;
  return {
    ...given("when", conditionOf(policy, "when", place)),
    ...given("exceptWhen", conditionOf(policy, "exceptWhen", place)),
    ...given("delay", durationOf(policy, "delay", place)),
    backoff: (["exponential", "linear"] as const).find((kind) => kind in backoff) ?? "constant",
    ...given("jitter", compileJitter(policy.jitter, down(place, "jitter"))),
    limit: {
      ...given("attemptCount", typeof count === "number" ? count : undefined),
      ...given("attemptDuration", durationOf(attempt, "duration", down(place, "limit", "attempt"))),
      ...given("duration", durationOf(limit, "duration", down(place, "limit"))),
    },
  };
}

function compileJitter(value: Json | undefined, place: Place): RetryPolicy["jitter"] {
  if (value === undefined) return undefined;
  const { from = null, to = null } = asObject(value);
  return {
    from: compileDuration(from, down(place, "from")),
    to: compileDuration(to, down(place, "to")),
  };
}

function durationOf(holder: JsonObject, key: string, place: Place): DurationSpec | undefined {
  const value = holder[key];
  return value === undefined ? undefined : compileDuration(value, down(place, key));
}
