/** `call` tasks, one type per protocol (reference, "Call"). */
import { referenceableAuthentication } from "./authentication.ts";
import { duration, freeObject, runtimeExpression, stringMap } from "./common.ts";
import { endpoint, externalResource } from "./endpoint.ts";
import { subscriptionIterator } from "./events.ts";
import { taskObject } from "./task-base.ts";
import {
  anything,
  array,
  boolean,
  documented,
  either,
  integer,
  keyed,
  map,
  object,
  oneOf,
  string,
  tagged,
} from "./type.ts";
import type { Static } from "./type.ts";

const responseOutput = documented("`content` unless given.", oneOf("raw", "content", "response"));
const redirect = documented("Treat redirections (3xx) as success.", boolean());
const pairs = either("an object of strings or an expression", stringMap, runtimeExpression);

const http = object({
  must: { method: string(), endpoint },
  may: { headers: pairs, body: anything(), query: pairs, output: responseOutput, redirect },
});

const openapi = object({
  must: { document: externalResource, operationId: string() },
  may: {
    parameters: freeObject,
    authentication: referenceableAuthentication,
    output: responseOutput,
    redirect,
  },
});

const grpc = object({
  must: {
    proto: externalResource,
    service: object({
      must: {
        name: string(),
        host: string({
          pattern: "^[a-zA-Z0-9](?:[a-zA-Z0-9-.]{0,61}[a-zA-Z0-9])?$",
          expected: "a host name",
        }),
      },
      may: {
        port: integer({ minimum: 0, maximum: 65_535 }),
        authentication: referenceableAuthentication,
      },
    }),
    method: string(),
  },
  may: { arguments: freeObject },
});

const consumption = keyed("consumption", {
  amount: object({ must: { amount: integer() }, may: { for: duration } }),
  while: object({ must: { while: runtimeExpression }, may: { for: duration } }),
  until: object({ must: { until: runtimeExpression }, may: { for: duration } }),
});

// biome-ignore format: a plain enumeration
const transports = [
  "amqp", "amqp1", "anypointmq", "googlepubsub", "http", "ibmmq", "jms", "kafka", "mercure", "mqtt",
  "mqtt5", "nats", "pulsar", "redis", "sns", "solace", "sqs", "stomp", "ws",
] as const;

const asyncapi = object({
  must: { document: externalResource },
  may: {
    channel: string(),
    operation: string(),
    server: object({ must: { name: string() }, may: { variables: freeObject } }),
    protocol: oneOf(...transports),
    message: object({ may: { payload: freeObject, headers: freeObject } }),
    subscription: object({
      must: { consume: consumption },
      may: { filter: runtimeExpression, foreach: subscriptionIterator },
    }),
    authentication: referenceableAuthentication,
  },
  rules: [
    { kind: "one-of", keys: ["operation", "channel"] },
    { kind: "one-of", keys: ["message", "subscription"] },
  ],
});

const a2a = object({
  must: {
    method: oneOf(
      "message/send",
      "message/stream",
      "tasks/get",
      "tasks/list",
      "tasks/cancel",
      "tasks/resubscribe",
      "tasks/pushNotificationConfig/set",
      "tasks/pushNotificationConfig/get",
      "tasks/pushNotificationConfig/list",
      "tasks/pushNotificationConfig/delete",
      "agent/getAuthenticatedExtendedCard",
    ),
  },
  may: {
    agentCard: externalResource,
    server: endpoint,
    parameters: either(
      "an object or an expression",
      map(anything(), { minProperties: 1 }),
      string(),
    ),
  },
});

const mcpHttp = object({ must: { endpoint }, may: { headers: stringMap }, open: true });
const mcpStdio = object({
  must: { command: string() },
  may: { arguments: array(string()), environment: stringMap },
  open: true,
});
const mcp = object({
  must: {
    method: oneOf(
      "tools/list",
      "tools/call",
      "prompts/list",
      "prompts/get",
      "resources/list",
      "resources/read",
      "resources/templates/list",
    ),
    transport: object({
      may: { http: mcpHttp, stdio: mcpStdio, options: stringMap },
      open: true,
      rules: [{ kind: "one-of", keys: ["http", "stdio"] }],
    }),
  },
  may: {
    protocolVersion: string(),
    parameters: either("an object or an expression", freeObject, string()),
    timeout: duration,
    client: object({ must: { name: string(), version: string() }, open: true }),
  },
  open: true,
});

/** The protocols built into the language. */
export const protocols = ["http", "openapi", "grpc", "asyncapi", "mcp", "a2a"] as const;
export type Protocol = (typeof protocols)[number];

const workerName = either(
  "a name of letters, digits, _, . and - (at most 128), or an expression",
  string({ pattern: "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$" }),
  runtimeExpression,
);

/**
 * `with` of `call: worker`, which is Millrace's own. Not a member of {@link callTask}: there the name is a function's like any
 * other, and `use.functions` may have one of that name.
 */
export const workerArguments = object({
  must: { function: workerName },
  may: {
    arguments: anything(),
    pool: workerName,
    lease: duration,
    maxDeliveries: either(
      "a whole number, 0 for no limit, or an expression",
      integer({ minimum: 0 }),
      runtimeExpression,
    ),
  },
});

export const callTask = tagged(
  "call",
  {
    http: taskObject({ call: oneOf("http"), with: http }),
    openapi: taskObject({ call: oneOf("openapi"), with: openapi }),
    grpc: taskObject({ call: oneOf("grpc"), with: grpc }),
    asyncapi: taskObject({ call: oneOf("asyncapi"), with: asyncapi }),
    mcp: taskObject({ call: oneOf("mcp"), with: mcp }),
    a2a: taskObject({ call: oneOf("a2a"), with: a2a }),
  },
  taskObject(
    {
      call: documented(
        "A protocol, a function of `use.functions`, `name:version@catalog`, or a URL.",
        string({ not: protocols }),
      ),
    },
    { with: freeObject },
  ),
);
export type CallTask = Static<typeof callTask>;
