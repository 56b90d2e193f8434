/** Shared by the tests of this folder: runs as the executor does them. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { ActivityType, WorkflowError } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";
import type { ActivityRequest } from "../executor.ts";
import { type ActivitiesConfig, createActivities } from "../registry.ts";
import { activityRequest } from "../testing.ts";
import type { RunsConfig } from "./config.ts";
import { strongestIsolation } from "./sandbox/probe.ts";

/** Why what only namespaces promise cannot be tested here; it always can in CI. */
export async function withoutNamespaces(): Promise<string | false> {
  const found = await strongestIsolation();
  if (found !== "process" || process.env["CI"] !== undefined) return false;
  return "this system lets nobody make Linux namespaces (run as root, or allow user namespaces)";
}

export interface Runner {
  readonly run: (
    input: JsonObject,
    more?: Partial<ActivityRequest>,
    signal?: AbortSignal,
  ) => Promise<Json>;
  /** Output that is meant to be a text. */
  readonly text: (input: JsonObject) => Promise<string>;
  readonly refused: (input: JsonObject, more?: Partial<ActivityRequest>) => Promise<WorkflowError>;
}

/** Shell commands and scripts are on, in whatever sandbox there is; HTTP may go to loopback. */
export function runner(
  t: Pick<TestContext, "after">,
  type: ActivityType,
  runs: Partial<RunsConfig> = {},
  config: ActivitiesConfig = {},
): Runner {
  const activities = createActivities({
    egress: { allowLoopback: true },
    runs: { kinds: ["shell", "script"], isolation: "process", ...runs },
    ...config,
  });
  t.after(() => activities.close());
  const perform = (
    input: JsonObject,
    more: Partial<ActivityRequest> = {},
    signal = new AbortController().signal,
  ) => activities.execute(activityRequest(type, input, more), signal);
  const run: Runner["run"] = async (input, more, signal) => {
    const result = await perform(input, more, signal);
    if ("output" in result) return result.output;
    throw new Error(JSON.stringify(result.error));
  };
  return {
    run,
    async text(input) {
      const output = await run(input);
      assert.equal(typeof output, "string");
      return output as string;
    },
    async refused(input, more) {
      const result = await perform(input, more);
      if ("error" in result) return result.error;
      throw new Error(`unexpectedly completed: ${JSON.stringify(result.output)}`);
    },
  };
}
