/** A whole definition (reference, "Workflow", "Document", "Use", "Schedule", "Evaluate"). */
import { authentications } from "./authentication.ts";
import { duration, freeObject, timeout, timeoutOrReference } from "./common.ts";
import { input, output } from "./data.ts";
import { endpoint } from "./endpoint.ts";
import { errorDefinition } from "./error.ts";
import { eventStrategy } from "./events.ts";
import { retryPolicy } from "./retry.ts";
import { taskList } from "./task-list.ts";
import { task } from "./tasks.ts";
import type { Task } from "./tasks.ts";
import { array, documented, map, named, object, oneOf, string } from "./type.ts";
import type { Static } from "./type.ts";

const SEMVER =
  "^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(?:-((?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\\+([0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*))?$";
const semanticVersion = string({
  pattern: SEMVER,
  expected: "a semantic version such as '1.0.0'",
});
const name = string({
  pattern: "^[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$",
  expected: "1 to 63 letters, digits and hyphens, no hyphen at either end",
});

export const document = object({
  must: {
    dsl: documented("Version of the language, such as '1.0.3'.", semanticVersion),
    namespace: name,
    name,
    version: documented("Version of this workflow.", semanticVersion),
  },
  may: { title: string(), summary: string(), tags: freeObject, metadata: freeObject },
});

const extension = object({
  must: {
    extend: documented(
      "The kind of task it applies to.",
      oneOf(
        ...(["call", "composite", "emit", "for", "listen", "raise", "run", "set"] as const),
        ...(["switch", "try", "wait", "all"] as const),
      ),
    ),
  },
  may: { when: string(), before: taskList, after: taskList },
});
export type ExtensionDefinition = Static<typeof extension>;

export const use = object({
  may: {
    authentications,
    errors: map(errorDefinition, { entry: "error" }),
    extensions: array(map(extension, { minProperties: 1, maxProperties: 1, entry: "extension" })),
    functions: map(
      named<Task>("task", () => task),
      { entry: "function" },
    ),
    retries: map(retryPolicy, { entry: "retry policy" }),
    secrets: array(string()),
    timeouts: map(timeout, { entry: "timeout" }),
    catalogs: map(object({ must: { endpoint } }), { entry: "catalog" }),
  },
});
export type Use = Static<typeof use>;

export const schedule = object({
  may: {
    every: documented("Start at this interval.", duration),
    cron: documented("Start at the times of a cron expression.", string()),
    after: documented("Start again this long after the last run ended.", duration),
    on: documented("Start when events arrive.", eventStrategy),
    read: documented("How events become input; needs `on`.", oneOf("data", "envelope", "raw")),
  },
  rules: [{ kind: "needs", key: "read", other: "on" }],
});
export type ScheduleDefinition = Static<typeof schedule>;

export const workflow = object({
  must: { document, do: taskList },
  may: {
    input,
    use,
    timeout: timeoutOrReference,
    output,
    schedule,
    evaluate: object({ may: { language: string(), mode: oneOf("strict", "loose") } }),
  },
  // The official schema leaves the root open; unknown properties there are reported as warnings.
  open: true,
});
export type WorkflowDefinition = Static<typeof workflow>;
