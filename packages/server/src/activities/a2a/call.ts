/**
 * `call: a2a` (DSL reference "A2A Call"): one JSON-RPC request to an agent. The output is the result as it came, an array
 * of results for the two methods that stream; so a task that failed or was rejected has an output, too. A JSON-RPC error is
 * an error of type `runtime`, as the reference demands; no answer, or one that is not JSON-RPC, is `communication`.
 *
 * The SDK's client is not used: it gives what it understood of an answer, in the types of A2A 1.0, and not the answer.
 */
import { STATUS_CODES } from "node:http";
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { badArgument, requiredString } from "../arguments.ts";
import type { ActivityRequest } from "../executor.ts";
import { ActivityFailure } from "../failure.ts";
import { mediaType, type OutgoingRequest, type StreamedResponse } from "../http/message.ts";
import { exceedsDepth } from "../http/output.ts";
import { eventData, openStream, readAll } from "../http/stream.ts";
import { describeUri } from "../http/uri.ts";
import { brief, parametersOf } from "../json-rpc.ts";
import type { CallServices } from "../services.ts";
import { type Agent, agentOf } from "./agent.ts";
import { methodNames, nameIn, streams, withDefaults } from "./methods.ts";

/** Results of one stream. Their bytes are bounded, too; this bounds what an array of small ones costs. */
const MAX_RESULTS = 10_000;

interface Conversation {
  readonly method: string;
  /** For people: `message/send at https://host/path`. */
  readonly target: string;
  readonly id: string;
  readonly maxDepth: number;
}

export async function callA2a(
  activity: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  const { input, idempotencyKey } = activity;
  const method = requiredString(input, "method");
  if (!methodNames.includes(method))
    throw badArgument("method", `must be one of ${methodNames.join(", ")}`);
  const parameters = parametersOf(input["parameters"]) ?? {};
  const agent = await agentOf(activity, services, signal);
  const conversation: Conversation = {
    method,
    target: `${method} at ${describeUri(agent.url)}`,
    id: idempotencyKey,
    maxDepth: services.transport.limits.maxJsonDepth,
  };
  const request = requestTo(agent, conversation, withIds(activity, method, parameters, agent));
  const response = await openStream(services.transport, request, agent.credentials, signal);
  return streams(method)
    ? resultsOf(response, conversation)
    : resultOf(await messageOf(response, conversation), conversation);
}

function withIds(
  { tenant, idempotencyKey }: ActivityRequest,
  method: string,
  parameters: JsonObject,
  agent: Agent,
): JsonObject {
  const key = `${tenant}\n${idempotencyKey}`;
  const given = withDefaults(method, parameters, agent.version, key);
  return agent.tenant === undefined ? given : { tenant: agent.tenant, ...given };
}

function requestTo(
  agent: Agent,
  { method, id }: Conversation,
  params: JsonObject,
): OutgoingRequest {
  const message = { jsonrpc: "2.0", id, method: nameIn(agent.version, method), params };
  return {
    method: "POST",
    url: agent.url,
    headers: {
      accept: streams(method) ? "text/event-stream, application/json;q=0.9" : "application/json",
      "content-type": "application/json",
      "user-agent": "millrace",
      "a2a-version": agent.version,
      "idempotency-key": id,
    },
    body: Buffer.from(JSON.stringify(message)),
  };
}

/** An answer that is one message: JSON, whatever its content type says, since it has to be JSON-RPC. */
async function messageOf(response: StreamedResponse, conversation: Conversation): Promise<Json> {
  const content = await readAll(response);
  const { status } = response;
  const message = tryParse(content.toString("utf8"));
  if (status >= 200 && status <= 299) {
    if (message === undefined) throw invalid(conversation, "the answer is not JSON");
    return message;
  }
  // Some servers answer with a JSON-RPC error and a status that fits it.
  if (isObject(message) && message["jsonrpc"] === "2.0" && isObject(message["error"]))
    return message;
  const title = STATUS_CODES[status];
  const answer = title === undefined ? status : `${status} ${title}`;
  const detail = `${conversation.target}: the agent answered ${answer}`;
  throw new ActivityFailure("communication", detail, { status });
}

async function resultsOf(response: StreamedResponse, conversation: Conversation): Promise<Json> {
  const type = mediaType(response.headers["content-type"]);
  const streaming = response.status === 200 && type === "text/event-stream";
  if (!streaming) return [resultOf(await messageOf(response, conversation), conversation)];
  const results: Json[] = [];
  for await (const data of eventData(response)) {
    const message = tryParse(data);
    if (message === undefined) throw invalid(conversation, "an event of the stream is not JSON");
    const result = resultOf(message, conversation);
    if (results.length === MAX_RESULTS)
      throw invalid(conversation, `the stream has more than ${MAX_RESULTS} results`);
    results.push(result);
    // A2A 0.3 section 7.2.2: nothing follows, even if the agent forgets to end the stream.
    if (isObject(result) && result["final"] === true) break;
  }
  if (results.length === 0) throw invalid(conversation, "the stream ended without a result");
  return results;
}

/** @throws {ActivityFailure} `runtime` for an error of the agent, `communication` for what is no answer to the request */
function resultOf(message: Json, conversation: Conversation): Json {
  const { target, id, maxDepth } = conversation;
  if (!isObject(message) || message["jsonrpc"] !== "2.0")
    throw invalid(conversation, "the answer is not JSON-RPC");
  const { error, result } = message;
  if (isObject(error)) {
    const text = typeof error["message"] === "string" ? brief(error["message"]) : "unnamed error";
    const detail = `${target}: ${text} (${JSON.stringify(error["code"])})`;
    throw new ActivityFailure("runtime", detail, { title: "A2A Error" });
  }
  if (result === undefined) throw invalid(conversation, "the answer is not JSON-RPC");
  if (message["id"] !== id) throw invalid(conversation, "the answer is not one to the request");
  if (exceedsDepth(result, maxDepth))
    throw invalid(conversation, `the result is nested more than ${maxDepth} deep`);
  return result;
}

function tryParse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function invalid({ target }: Conversation, what: string): ActivityFailure {
  const options = { status: 502, title: "Invalid Response" };
  return new ActivityFailure("communication", `${target}: ${what}`, options);
}
