import assert from "node:assert/strict";
import test from "node:test";
import { startTestApi, type TestApi } from "@millrace/testkit/api";
import { ERROR_CODES, STATUSES } from "@millrace/protocol";
import { HISTORY_KINDS } from "@millrace/protocol/schemas";
import type { HistoryEvent, Status } from "@millrace/engine";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly requestBody?: { readonly required?: boolean; readonly content: Record<string, Media> };
  readonly responses: Record<
    string,
    { readonly description: string; readonly content?: Record<string, Media> }
  >;
}
interface Media {
  readonly schema: object;
}
interface Document {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

const ROUTES = [
  "delete /messages/{digest}",
  "delete /v1/calendars/{name}",
  "delete /v1/functions/{name}/{version}",
  "delete /v1/payloads/{digest}",
  "delete /v1/schedules/{name}",
  "delete /v1/secrets/{name}",
  "get /messages/{digest}",
  "get /v1/calendars",
  "get /v1/calendars/{name}",
  "get /v1/functions",
  "get /v1/functions/{name}/{version}",
  "get /v1/instances",
  "get /v1/instances/{id}",
  "get /v1/instances/{id}/events",
  "get /v1/instances/{id}/history",
  "get /v1/payloads",
  "get /v1/payloads/{digest}",
  "get /v1/payloads/{digest}/info",
  "get /v1/schedules",
  "get /v1/schedules/{name}",
  "get /v1/schedules/{name}/decisions",
  "get /v1/schedules/{name}/preview",
  "get /v1/secrets",
  "get /v1/workers",
  "get /v1/workflows",
  "get /v1/workflows/{namespace}/{name}",
  "get /v1/workflows/{namespace}/{name}/{version}",
  "post /messages",
  "post /v1/events",
  "post /v1/instances/{id}/cancel",
  "post /v1/instances/{id}/resume",
  "post /v1/instances/{id}/retry",
  "post /v1/instances/{id}/suspend",
  "post /v1/payloads/{digest}/verify",
  "post /v1/schedules",
  "post /v1/schedules/preview",
  "post /v1/schedules/{name}/backfill",
  "post /v1/schedules/{name}/pause",
  "post /v1/schedules/{name}/resume",
  "post /v1/schedules/{name}/trigger",
  "post /v1/secret-keys/rotation",
  "post /v1/workers/poll",
  "post /v1/workers/tasks/{token}/checkpoint",
  "post /v1/workers/tasks/{token}/complete",
  "post /v1/workers/tasks/{token}/fail",
  "post /v1/workers/tasks/{token}/heartbeat",
  "post /v1/workers/tasks/{token}/release",
  "post /v1/workflows",
  "post /v1/workflows/{namespace}/{name}/instances",
  "put /v1/calendars/{name}",
  "put /v1/functions/{name}/{version}",
  "put /v1/payloads",
  "put /v1/schedules/{name}",
  "put /v1/secrets/{name}",
];

async function load({ call }: TestApi): Promise<Document> {
  return (await (await call("/openapi.json")).json()) as Document;
}

function operations(document: Document): [string, Operation][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method} ${path}`,
      operation,
    ]),
  );
}

/** A validator in which the document's own references resolve. */
function validator(document: Document): Ajv2020 {
  const ajv = new Ajv2020({ strict: false });
  (formats as unknown as { default: (ajv: unknown) => void }).default(ajv);
  ajv.addSchema(document, "openapi");
  return ajv;
}

/** A schema of the document, with its references made absolute. */
function compile(ajv: Ajv2020, schema: object) {
  const text = JSON.stringify(schema).replaceAll('"#/components', '"openapi#/components');
  return ajv.compile(JSON.parse(text) as object);
}

test("the document is OpenAPI 3.1 and lists every route once, each told in words", async (t) => {
  const document = await load(await startTestApi(t));
  assert.equal(document.openapi, "3.1.0");
  const found = operations(document);
  assert.deepEqual(found.map(([route]) => route).toSorted(), ROUTES);
  const ids = new Set(found.map(([, { operationId }]) => operationId));
  assert.equal(ids.size, ROUTES.length);
  for (const [route, operation] of found) {
    assert.ok(operation.summary, route);
    for (const [status, response] of Object.entries(operation.responses)) {
      assert.ok(response.description, `${route} ${status}`);
      const types = Object.keys(response.content ?? {});
      if (Number(status) >= 400) assert.deepEqual(types, ["application/problem+json"]);
    }
  }
});

test("bodies are required where something in them is", async (t) => {
  const document = await load(await startTestApi(t));
  const required = operations(document)
    .filter(([, { requestBody }]) => requestBody?.required === true)
    .map(([, { operationId }]) => operationId);
  assert.deepEqual(required.toSorted(), [
    "applyWorkflow",
    "backfillSchedule",
    "createSchedule",
    "pollTasks",
    "previewSpec",
    "publishEvents",
    "putCalendar",
    "putFunction",
    "putMessage",
    "putPayload",
    "setSecret",
    "updateSchedule",
  ]);
});

test("every schema of the document compiles, so every reference resolves", async (t) => {
  const document = await load(await startTestApi(t));
  const ajv = validator(document);
  let compiled = 0;
  for (const [, { requestBody, responses }] of operations(document)) {
    const contents = [requestBody, ...Object.values(responses)].map((part) => part?.content ?? {});
    for (const { schema } of contents.flatMap((content) => Object.values(content))) {
      assert.equal(typeof compile(ajv, schema), "function");
      compiled += 1;
    }
  }
  assert.ok(compiled > 80, `${compiled}`);
});

test("what the API answers is what the document says", async (t) => {
  const api = await startTestApi(t);
  const document = await load(api);
  const ajv = validator(document);
  const check = async (path: string, response: Response) => {
    const operation = document.paths[path]?.[response.url.includes("?post") ? "post" : "get"];
    const method = operation ?? document.paths[path]?.["post"];
    const type = (response.headers.get("content-type") ?? "").split(";")[0] as string;
    const schema = method?.responses[response.status]?.content?.[type]?.schema;
    assert.ok(schema, `${path} documents ${response.status} ${type}`);
    const validate = compile(ajv, schema);
    const value: unknown = await response.json();
    assert.ok(validate(value), `${path}: ${ajv.errorsText(validate.errors)}`);
    return value as { id: string };
  };
  const order = { document: { namespace: "shop", name: "order", version: "1.0.0" }, do: [] };
  const starts = "/v1/workflows/{namespace}/{name}/instances";
  await check("/v1/workflows", await api.post("/v1/workflows?post", order));
  await check(
    "/v1/workflows",
    await api.post("/v1/workflows?post", "document: {}", { "content-type": "text/yaml" }),
  );
  await check("/v1/workflows", await api.call("/v1/workflows"));
  await check("/v1/workflows/{namespace}/{name}", await api.call("/v1/workflows/shop/order"));
  const { id } = await check(starts, await api.post("/v1/workflows/shop/order/instances", {}));
  await check(starts, await api.post("/v1/workflows/shop/order/instances?wait=1ms", {}));
  await check("/v1/instances", await api.call("/v1/instances"));
  await check("/v1/instances/{id}", await api.call(`/v1/instances/${id}`));
  await check("/v1/instances/{id}/cancel", await api.post(`/v1/instances/${id}/cancel`, {}));
  await check("/v1/instances/{id}/cancel", await api.post(`/v1/instances/${id}/cancel`, {}));
  await check("/v1/instances/{id}/history", await api.call(`/v1/instances/${id}/history`));
  await check("/v1/events", await api.post("/v1/events", {}));
});

test("the wire's words are the engine's", () => {
  // Types alone: a status or kind added to one side and not the other fails to compile.
  const statuses: readonly Status[] = STATUSES;
  const kinds: readonly HistoryEvent["kind"][] = HISTORY_KINDS;
  const everyStatus: Record<Status, true> = fromWords(STATUSES);
  const everyKind: Record<HistoryEvent["kind"], true> = fromWords(HISTORY_KINDS);
  assert.equal(Object.keys(everyStatus).length, statuses.length);
  assert.equal(Object.keys(everyKind).length, kinds.length);
  assert.equal(new Set(ERROR_CODES).size, ERROR_CODES.length);
});

function fromWords<Word extends string>(words: readonly Word[]): Record<Word, true> {
  return Object.fromEntries(words.map((word) => [word, true])) as Record<Word, true>;
}
