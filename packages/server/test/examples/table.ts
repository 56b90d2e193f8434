/**
 * What comes of each of the specification's examples: what it is given, and its intended end. Those that wait for something
 * Millrace does not do yet are listed with the reason; they are applied all the same.
 */
import assert from "node:assert/strict";
import type { Json, JsonObject } from "@millrace/language";
import type { Ended, Stand } from "./stand.ts";

export interface Example {
  /** It is not started by the test, but by its schedule for this time of the past (RFC 3339). */
  readonly scheduled?: string;
  /** It is not started by the test, but by its schedule for this event. */
  readonly event?: { readonly type: string; readonly data: Json };
  readonly input?: Json;
  readonly secrets?: Readonly<Record<string, Json>>;
  /** Type and data of the events that come once it has started, in order. */
  readonly events?: readonly (readonly [string, Json])[];
  /** Applied before: children that it runs. */
  readonly children?: readonly string[];
  /** `completed` unless given. */
  readonly status?: "completed" | "faulted";
  /** The output, exactly. */
  readonly output?: Json;
  /** `METHOD host/path` of every request of a host, in order. */
  readonly requests?: readonly string[];
  /** Whatever else must hold. */
  readonly check?: (ended: Ended, stand: Stand) => void | Promise<void>;
}

const REX = { id: 1, name: "Rex" };
const PET = { petId: 1 };
const GET_PET = "GET petstore.swagger.io/v2/pet/1";
const LUKE = {
  results: [{ name: "Luke Skywalker", homeworld: "https://swapi.dev/api/planets/1/" }],
};
const CLIENT = { id: "workflow-runtime-id", secret: "workflow-runtime-secret" };
const AUTHORITY = "http://keycloak/realms/fake-authority";

function header(stand: Stand): string {
  return stand.requests.at(-1)?.headers["authorization"] ?? "";
}
const bearer = (token: string) => (_: Ended, stand: Stand) =>
  assert.equal(header(stand), `Bearer ${token}`);
/** The call carried a token of the authority. */
const issued = (_: Ended, stand: Stand): Promise<void> =>
  stand.verify(header(stand).replace(/^Bearer /, ""));

const VITALS = "com.fake-hospital.vitals.measurements";
const HOT = { temperature: 39 };
const SLOW = { bpm: 50 };
const vitals = [
  [`${VITALS}.bpm`, { bpm: 70 }],
  [`${VITALS}.temperature`, HOT],
  [`${VITALS}.bpm`, SLOW],
] as const;

const getPet = { input: PET, output: REX, requests: [GET_PET] };
const HELLO = "Hello from Docker!\n";

const TRIGGER = "io.serverlessworkflow.samples.events.trigger.v1";

export const EXAMPLES: Readonly<Record<string, Example>> = {
  "authentication-bearer-uri-format": {
    ...getPet,
    input: { ...PET, token: "t" },
    check: bearer("t"),
  },
  "authentication-bearer": { ...getPet, input: { token: "t" }, check: bearer("t") },
  "authentication-reusable": { ...getPet, input: { ...PET, token: "t" }, check: bearer("t") },
  "authentication-oauth2": { ...getPet, check: issued },
  "authentication-oidc": { ...getPet, check: issued },
  "authentication-oauth2-secret": {
    ...getPet,
    secrets: {
      mySecret: {
        authority: AUTHORITY,
        endpoints: { token: "/auth/token", introspection: "/auth/introspect" },
        grant: "client_credentials",
        client: CLIENT,
      },
    },
    check: issued,
  },
  "authentication-oidc-secret": {
    ...getPet,
    secrets: { mySecret: { authority: AUTHORITY, grant: "client_credentials", client: CLIENT } },
    check: issued,
  },
  "call-asyncapi-publish": {
    input: { pet: { id: 1 }, token: "t0ken" },
    requests: ["GET fake.com/docs/asyncapi.json", "POST fake.com/pets"],
    check: (_, { requests }) =>
      assert.deepEqual(JSON.parse(requests[1]?.body.toString() ?? ""), { petId: 1 }),
  },
  "call-custom-function-cataloged": { output: "[information]: Hello, world!" },
  "call-custom-function-inline": { output: { ...REX, id: 69 } },
  "call-grpc": {
    input: { user: { preferredDisplayName: "Ada" } },
    check: ({ output }) => assert.equal((output as JsonObject)["message"], "Hello Ada"),
  },
  "call-http-endpoint-interpolation-shorthand": getPet,
  "call-http-endpoint-interpolation": getPet,
  "call-http-query-headers-expressions": { input: { searchQuery: "luke" }, output: LUKE },
  "call-http-query-parameters": { input: { searchQuery: "luke" }, output: LUKE },
  "call-http-redirect": {
    input: { searchQuery: "moved" },
    output: LUKE,
    requests: ["GET swapi.dev/api/people/?search=moved", "GET swapi.dev/api/people/?search=luke"],
  },
  "call-mcp": {
    check: ({ output }) =>
      assert.deepEqual((output as JsonObject)["content"], [{ type: "text", text: "posted" }]),
  },
  "call-openapi": { output: [{ ...REX, status: "available" }] },
  "call-openapi-redirect": { output: [{ ...REX, status: "available" }] },
  "conditional-task": {
    input: { customer: { age: 17 } },
    status: "faulted",
    check: ({ error }) => assert.equal(error?.title, "Access Forbidden"),
  },
  "do-multiple": { input: PET, output: { ...REX, status: "sold" } },
  "do-single": getPet,
  emit: {
    check: ({ output }) => assert.equal((output as JsonObject)["source"], "https://petstore.com"),
  },
  "for-inline-array": {
    check: ({ output }) => assert.ok(Array.isArray((output as JsonObject)["processed"])),
  },
  fork: {
    input: { patient: { fullName: "Ada" }, room: { number: 7 } },
    check: (_, { requests }) => assert.ok(requests.length > 0),
  },
  "mock-service-extension": { output: { sample: true }, requests: ["GET fake.com/sample"] },
  "raise-inline": { status: "faulted", check: ({ error }) => assert.equal(error?.status, 500) },
  "raise-reusable": { status: "faulted", check: ({ error }) => assert.equal(error?.status, 500) },
  "run-container": { output: HELLO },
  "run-container-cleanup-always": { output: HELLO },
  "run-container-cleanup-eventually": { output: HELLO },
  "run-container-with-name": {
    input: { workflow: { document: { name: "w" }, id: "1" }, task: { name: "t" } },
    output: HELLO,
  },
  "run-container-with-pull-policy": { output: HELLO },
  "run-return-all": { output: { code: 0, stdout: HELLO, stderr: "" } },
  "run-return-code": { output: 0 },
  "run-return-none": { output: null },
  "run-return-stderr": { output: "" },
  "run-script-with-stdin-and-arguments": {
    output: "stdin >  Hello Workflow\narg >  hello\nenv >  bar\n",
  },
  "run-shell-stdin-and-arguments": { output: "STDIN was: Hello World\nARGS are Foo Bar\n" },
  "run-subflow": {
    children: [
      "document: { dsl: '1.0.3', namespace: test, name: register-customer, version: '0.1.0' }\ndo: [ { r: { set: { registered: true } } } ]",
    ],
    output: { registered: true },
  },
  "star-wars-homeworld": { input: { id: 1 }, output: { name: "Tatooine" } },
  "switch-then-string": {
    input: { orderType: "electronic" },
    output: { validate: true, status: "fulfilled" },
  },
  "listen-to-all": { events: vitals, output: [HOT, SLOW] },
  "listen-to-all read-envelope": {
    events: vitals,
    check: ({ output }) =>
      assert.deepEqual(
        (output as readonly JsonObject[]).map(({ type, data }) => [type, data]),
        vitals.slice(1),
      ),
  },
  "listen-to-any-filter": { events: vitals, output: [HOT] },
  "listen-to-any": { events: [["whatever", 1]], output: [1] },
  "listen-to-any-until-condition": {
    events: [1, 2, 3, 4].map((n) => ["whatever", n] as const),
    output: [1, 2, 3, 4],
  },
  "listen-to-any-until-consumed": {
    events: [...vitals, ["com.fake-hospital.patient.checked-out", null]],
    output: [HOT, SLOW],
  },
  "try-catch": { input: { petId: 404 }, requests: ["GET petstore.swagger.io/v2/pet/404"] },
  "try-catch-then": {
    input: { petId: 404 },
    requests: ["GET petstore.swagger.io/v2/pet/404"],
    check: ({ output }) => assert.ok(Object.hasOwn(output as JsonObject, "error")),
  },
  "schedule-cron": {
    scheduled: "2026-01-01T00:00:00Z",
    output: { started: true },
    requests: ["POST example.com/api/v1/backup/start"],
  },
  "schedule-event-driven": {
    event: {
      type: "com.example.hospital.events.patients.heartbeat.low",
      // `read` is `data` unless given, so what the example calls `data` is a member of the event's data.
      data: { data: { patient: { id: 7, name: "Rex", room: { number: 12 } } } },
    },
    requests: ["POST hospital.example.com/api/v1/notify"],
    check: (_, stand) => {
      const body = JSON.parse(stand.requests.at(-1)?.body.toString() ?? "null") as JsonObject;
      assert.deepEqual([body["patientId"], body["roomNumber"]], [7, 12]);
    },
  },
  "set-expression": { event: { type: TRIGGER, data: { n: 1 } }, output: { n: 1 } },
  set: { event: { type: TRIGGER, data: { n: 2 } }, output: { startEvent: { n: 2 } } },
  "try-catch-then-directive": { output: { status: "failed" } },
  "try-catch-retry-inline": { input: { petId: 1 }, output: REX, requests: [GET_PET] },
  "try-catch-retry-reusable": { input: { petId: 1 }, output: REX, requests: [GET_PET] },
};

const LISTENS = "has a listen with what cannot be had here; conformance/events has the like";
const WEBSOCKET = "runs against a WebSocket server of its own: subscriptions.test.ts";
const TIMES =
  "takes half a minute; waits are tested in simulated time (conformance, flow/wait.yaml)";

/** Why an example is not run to its end. */
export const LATER: Readonly<Record<string, string>> = {
  "accumulate-room-readings": LISTENS,
  "call-asyncapi-subscribe-consume-amount": WEBSOCKET,
  "call-asyncapi-subscribe-consume-forever-foreach": WEBSOCKET,
  "call-asyncapi-subscribe-consume-until": WEBSOCKET,
  "call-asyncapi-subscribe-consume-while": WEBSOCKET,
  for: LISTENS,
  "listen-to-any-forever-foreach": LISTENS,
  "listen-to-one": LISTENS,
  "run-container-stdin-and-arguments":
    "needs a real engine with an image: activities/run/container/podman.test.ts",
  "wait-duration-inline": TIMES,
  "wait-duration-iso8601": TIMES,
};
