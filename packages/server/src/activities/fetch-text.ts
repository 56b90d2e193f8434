/** Documents that are text: functions and schemas that a definition names, fetched when it is applied. */
import type { Json } from "@millrace/language";
import type { Clock } from "../clock.ts";
import type { TextRequest } from "../external/source.ts";
import { optionalObject, requiredString } from "./arguments.ts";
import type { ActivityRequest } from "./executor.ts";
import { ActivityFailure } from "./failure.ts";
import { assertStatus, credentials } from "./http/call.ts";
import { exchange } from "./http/exchange.ts";
import { describeUri, resolveUri } from "./http/uri.ts";
import type { CallServices } from "./services.ts";

/** Bytes of a document: as many as a definition may have. */
const MAX_BYTES = 1_048_576;

/** The fetch as an activity, so that it is bounded, kept apart by tenant, and told its secrets as every other. */
export function textRequest(
  { tenant, url, policy, deferred }: TextRequest,
  clock: Pick<Clock, "now">,
): ActivityRequest {
  const parts = deferred.map((part) => ({ ...part, path: ["authentication", ...part.path] }));
  return {
    tenant,
    instanceId: "",
    workflow: { namespace: "", name: "", version: "" },
    activityId: "",
    attempt: 1,
    idempotencyKey: "",
    type: "call:http",
    name: "fetch",
    reference: "",
    input: policy === undefined ? { url } : { url, authentication: policy },
    data: {},
    ...(parts.length === 0 ? {} : { deferred: { parts, variables: {}, now: clock.now() } }),
  };
}

/** @throws {ActivityFailure} as a call of HTTP does */
export async function fetchText(
  { input }: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  const url = resolveUri(requiredString(input, "url"), {}, "endpoint");
  const headers = {
    accept: "application/yaml, application/json, text/*;q=0.9, */*;q=0.8",
    "user-agent": "millrace",
  };
  const policy = optionalObject(input, "authentication");
  const done = await exchange(
    services.transport,
    { method: "GET", url, headers },
    { followRedirects: true, ...credentials(services, policy, "authentication", {}), signal },
  );
  assertStatus(done, false);
  const { content } = done.response;
  if (content.length <= MAX_BYTES) return content.toString("utf8");
  const detail = `${describeUri(url)}: longer than ${MAX_BYTES} bytes`;
  throw new ActivityFailure("communication", detail, { status: 502, title: "Invalid Response" });
}
