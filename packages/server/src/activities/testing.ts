/** Shared by the tests of this folder: an executor on loopback, and requests to give it. */
import type { TestContext } from "node:test";
import type { ActivityType, WorkflowError } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";
import type { ActivityRequest } from "./executor.ts";
import { type Activities, type ActivitiesConfig, createActivities } from "./registry.ts";

export function activityRequest(
  type: ActivityType,
  input: JsonObject,
  more: Partial<ActivityRequest> = {},
): ActivityRequest {
  return {
    tenant: "default",
    instanceId: "01J",
    workflow: { namespace: "test", name: "test", version: "1.0.0" },
    activityId: "1",
    attempt: 1,
    idempotencyKey: "key-1",
    type,
    name: "callIt",
    reference: "/do/0/callIt",
    input,
    data: {},
    ...more,
  };
}

export interface Caller {
  readonly activities: Activities;
  /** The output of a call that is meant to work. */
  readonly http: (input: JsonObject, data?: Json) => Promise<Json>;
  readonly openapi: (input: JsonObject, data?: Json) => Promise<Json>;
  /** The error of a call that is meant to fail. */
  readonly refused: (input: JsonObject, data?: Json, type?: ActivityType) => Promise<WorkflowError>;
}

const never = new AbortController().signal;

/** An executor that may call loopback, closed when the test ends. */
export function caller(context: Pick<TestContext, "after">, config: ActivitiesConfig = {}): Caller {
  const activities = createActivities({ egress: { allowLoopback: true }, ...config });
  context.after(() => activities.close());
  const run = async (type: ActivityType, input: JsonObject, data: Json): Promise<Json> => {
    const result = await activities.execute(activityRequest(type, input, { data }), never);
    if ("output" in result) return result.output;
    throw new Error(JSON.stringify(result.error));
  };
  return {
    activities,
    http: (input, data = {}) => run("call:http", input, data),
    openapi: (input, data = {}) => run("call:openapi", input, data),
    async refused(input, data = {}, type = "call:http") {
      const result = await activities.execute(activityRequest(type, input, { data }), never);
      if ("error" in result) return result.error;
      throw new Error(`unexpectedly completed: ${JSON.stringify(result.output)}`);
    },
  };
}

/** The last part of an error's type, with its status: `communication 404`. */
export function kindOf(error: WorkflowError): string {
  return `${error.type.split("/").pop()} ${error.status}`;
}
