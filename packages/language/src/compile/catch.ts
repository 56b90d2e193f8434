/** `try` with its `catch` and retry policy (DSL reference "Try", "Catch", "Retry"). */
import type { Json, JsonObject } from "../json.ts";
import type { Catch, ErrorFilter, RetryPolicy, TaskBase, Template, TryNode } from "../program.ts";
import type { Compilation } from "./compile.ts";
import { compileDuration } from "./durations.ts";
import { asObject } from "./expression.ts";
import { compileFlow, compileTaskList } from "./tasks.ts";

export function compileTry(
  task: JsonObject,
  common: TaskBase,
  siblings: readonly string[],
  compilation: Compilation,
  variables: readonly string[],
): TryNode {
  const { reference } = common;
  const tasks = compileTaskList(task.try, `${reference}/try`, compilation, variables);
  const written = asObject(task.catch);
  return {
    ...common,
    kind: "try",
    tasks,
    catch: compileCatch(written, reference, siblings, compilation, variables),
  };
}

function compileCatch(
  written: JsonObject,
  reference: string,
  siblings: readonly string[],
  compilation: Compilation,
  variables: readonly string[],
): Catch {
  const as = typeof written.as === "string" ? written.as : "error";
  const inside = [...new Set([...variables, as])];
  const filter = compileFilter(asObject(written.errors).with, compilation, inside);
  const retry = compileRetry(written.retry, compilation, inside);
  return {
    as,
    ...(filter === undefined ? {} : { filter }),
    ...conditions(written, compilation, inside),
    ...(retry === undefined ? {} : { retry }),
    ...(written.do === undefined
      ? {}
      : { tasks: compileTaskList(written.do, `${reference}/catch/do`, compilation, inside) }),
    ...(written.then === undefined ? {} : { then: compileFlow(written.then, siblings) }),
  };
}

function conditions(
  written: JsonObject,
  { expressions }: Compilation,
  variables: readonly string[],
): Pick<Catch, "when" | "exceptWhen"> {
  const { when, exceptWhen } = written;
  return {
    ...(typeof when === "string" ? { when: expressions.expression(when, variables) } : {}),
    ...(typeof exceptWhen === "string"
      ? { exceptWhen: expressions.expression(exceptWhen, variables) }
      : {}),
  };
}

function compileFilter(
  value: Json | undefined,
  { expressions }: Compilation,
  variables: readonly string[],
): ErrorFilter | undefined {
  if (value === undefined) return undefined;
  const filter: Record<string, Template> = {};
  for (const [key, wanted] of Object.entries(asObject(value)))
    filter[key] = expressions.template(wanted, variables);
  return filter;
}

/** `retry`: inline, or the name of a policy in `use.retries`. */
function compileRetry(
  value: Json | undefined,
  compilation: Compilation,
  variables: readonly string[],
): RetryPolicy | undefined {
  if (value === undefined) return undefined;
  const policy = asObject(
    typeof value === "string" ? asObject(compilation.use.retries)[value] : value,
  );
  const duration = (given: Json | undefined, key: string) =>
    given === undefined
      ? {}
      : { [key]: compileDuration(given, compilation.expressions, variables) };
  const backoff = asObject(policy.backoff);
  const limit = asObject(policy.limit);
  const attempt = asObject(limit.attempt);
  const jitter = asObject(policy.jitter);
  return {
    ...conditions(policy, compilation, variables),
    ...duration(policy.delay, "delay"),
    backoff:
      backoff.exponential !== undefined
        ? "exponential"
        : backoff.linear !== undefined
          ? "linear"
          : "constant",
    ...(policy.jitter === undefined
      ? {}
      : {
          jitter: {
            from: compileDuration(jitter.from ?? "PT0S", compilation.expressions, variables),
            to: compileDuration(jitter.to ?? "PT0S", compilation.expressions, variables),
          },
        }),
    limit: {
      ...(typeof attempt.count === "number" ? { attemptCount: attempt.count } : {}),
      ...duration(attempt.duration, "attemptDuration"),
      ...duration(limit.duration, "duration"),
    },
  };
}
