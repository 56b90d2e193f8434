/**
 * `call: mcp` (DSL reference "MCP Call"): a connection of its own for each call, with the official SDK: initialize, the
 * method, goodbye. The output is the JSON-RPC result as it came; so a tool that reports its own failure (`isError`) has
 * completed, and the workflow decides what that means.
 */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { ResultSchema, SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/sdk/types.js";
import type { Json, JsonObject } from "@millrace/language";
import { DurationError, parseDuration } from "@millrace/language";
import {
  badArgument,
  isScalar,
  endpointOf,
  optionalObject,
  optionalString,
  requiredString,
  stringList,
} from "../arguments.ts";
import type { ActivityRequest } from "../executor.ts";
import type { ActivityFailure } from "../failure.ts";
import { credentials } from "../http/call.ts";
import { networkFailure } from "../http/network-error.ts";
import { exceedsDepth } from "../http/output.ts";
import { headersOf } from "../http/request.ts";
import { describeUri, resolveUri } from "../http/uri.ts";
import { parametersOf } from "../json-rpc.ts";
import { checkTurnedOn } from "../run/config.ts";
import type { CallServices } from "../services.ts";
import { withTimeLimit } from "../time-limit.ts";
import { badAnswer, mcpFailure } from "./failure.ts";
import { httpLink } from "./http-link.ts";
import { stdioLink } from "./stdio-link.ts";
import { askingFor, type Link } from "./link.ts";

const METHODS = [
  "tools/list",
  "tools/call",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/read",
  "resources/templates/list",
];
const DEFAULT_PROTOCOL_VERSION = "2025-06-18";
/** Milliseconds for the last messages to the server, when the outcome of the call is known. */
const GOODBYE = 2_000;
/** The SDK's own limit, out of the way: time is the signal's. */
const NEVER = 2_147_483_647;

interface McpCall {
  readonly method: string;
  readonly parameters: JsonObject | undefined;
  readonly protocolVersion: string;
  readonly client: { readonly name: string; readonly version: string };
  readonly server: Server;
}

interface Server {
  /** For people. */
  readonly name: string;
  open(broken: (failure: ActivityFailure) => void): Promise<Link>;
}

export async function callMcp(
  activity: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  const { input } = activity;
  const call: McpCall = {
    method: methodOf(input),
    parameters: parametersOf(input["parameters"]),
    protocolVersion: versionOf(input),
    client: clientOf(input),
    server: serverOf(activity, services),
  };
  const limit = timeoutOf(input) ?? services.transport.limits.totalTimeout;
  return withTimeLimit(services.clock, limit, signal, (limited) =>
    converse(call, services, limited),
  );
}

async function converse(call: McpCall, services: CallServices, signal: AbortSignal): Promise<Json> {
  const { method, parameters, server } = call;
  const target = `${method} at ${server.name}`;
  const broken = new AbortController();
  const either = AbortSignal.any([signal, broken.signal]);
  const options = { signal: either, timeout: NEVER };
  const client = new Client(call.client);
  let link: Link | undefined;
  try {
    signal.throwIfAborted();
    link = await server.open((failure) => broken.abort(failure));
    await client.connect(askingFor(call.protocolVersion, link.transport), options);
    const params = parameters === undefined ? {} : { params: parameters };
    const result = await client.request({ method, ...params }, ResultSchema, options);
    return checked(result as Json, services, target);
  } catch (error) {
    if (broken.signal.aborted) throw broken.signal.reason;
    throw signal.aborted ? networkFailure(signal.reason, target) : mcpFailure(error, target);
  } finally {
    await withTimeLimit(services.clock, GOODBYE, undefined, (limited) => goodbye(link, limited));
    await link?.transport.close();
  }
}

/** A server that does not care to hear it changes nothing of the outcome. */
async function goodbye(link: Link | undefined, signal: AbortSignal): Promise<void> {
  if (link === undefined) return;
  const late = new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  await Promise.race([link.leave().catch(() => {}), late]);
}

function checked(result: Json, services: CallServices, target: string): Json {
  const { maxJsonDepth } = services.transport.limits;
  if (!exceedsDepth(result, maxJsonDepth)) return result;
  throw badAnswer(`${target}: the result is nested more than ${maxJsonDepth} deep`);
}

function methodOf(input: JsonObject): string {
  const method = requiredString(input, "method");
  if (METHODS.includes(method)) return method;
  throw badArgument("method", `must be one of ${METHODS.join(", ")}`);
}

function versionOf(input: JsonObject): string {
  const version = optionalString(input, "protocolVersion") ?? DEFAULT_PROTOCOL_VERSION;
  if (SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return version;
  throw badArgument("protocolVersion", `must be one of ${SUPPORTED_PROTOCOL_VERSIONS.join(", ")}`);
}

function clientOf(input: JsonObject): McpCall["client"] {
  const client = optionalObject(input, "client");
  if (client === undefined) return { name: "millrace", version: "0.1.0" };
  const name = requiredString(client, "name", "client.name");
  return { name, version: requiredString(client, "version", "client.version") };
}

function timeoutOf(input: JsonObject): number | undefined {
  const { timeout } = input;
  if (timeout === undefined || timeout === null) return undefined;
  try {
    return parseDuration(timeout);
  } catch (error) {
    throw error instanceof DurationError ? badArgument("timeout", error.message) : error;
  }
}

function serverOf(activity: ActivityRequest, services: CallServices): Server {
  const transport = optionalObject(activity.input, "transport");
  if (transport === undefined) throw badArgument("transport", "required");
  const options = optionalObject(transport, "options", "transport.options") ?? {};
  const [unknown] = Object.keys(options);
  if (unknown !== undefined)
    throw badArgument(`transport.options.${unknown}`, "is not an option of either transport");
  const http = optionalObject(transport, "http", "transport.http");
  const stdio = optionalObject(transport, "stdio", "transport.stdio");
  if ((http === undefined) === (stdio === undefined))
    throw badArgument("transport", "must have either http or stdio");
  if (http !== undefined) return httpServer(http, activity, services);
  return stdioServer(stdio ?? {}, services);
}

function stdioServer(stdio: JsonObject, { runs, sandbox, transport }: CallServices): Server {
  checkTurnedOn(runs, "mcp");
  const path = "transport.stdio";
  const command = requiredString(stdio, "command", `${path}.command`);
  const environment = variablesOf(stdio, `${path}.environment`);
  const request = {
    command,
    arguments: stringList(stdio, "arguments", `${path}.arguments`),
    environment,
  };
  const { maxResponseBytes: maxBytes } = transport.limits;
  const secrets = Object.values(environment);
  return {
    name: command,
    async open(broken) {
      // Not the call's: its server is told first.
      const { signal } = new AbortController();
      const process = await sandbox.spawnSandboxed(request, signal);
      return stdioLink({ name: command, process, maxBytes, secrets }, broken);
    },
  };
}

function variablesOf(stdio: JsonObject, path: string): Record<string, string> {
  const given = Object.entries(optionalObject(stdio, "environment", path) ?? {});
  return Object.fromEntries(
    given.map(([name, value]) => {
      if (!isScalar(value)) throw badArgument(`${path}.${name}`, "must be a string");
      return [name, String(value)];
    }),
  );
}

function httpServer(http: JsonObject, { data }: ActivityRequest, services: CallServices): Server {
  const path = "transport.http.endpoint";
  const endpoint = endpointOf(http["endpoint"], path);
  const url = resolveUri(endpoint.uri, data, path);
  const headers = optionalObject(http, "headers", "transport.http.headers");
  const server = {
    url,
    headers: headersOf(headers, "transport.http.headers"),
    ...credentials(services, endpoint.authentication, `${path}.authentication`, data),
  };
  return {
    name: describeUri(url),
    open: async (broken) => httpLink(server, services.transport, broken),
  };
}
