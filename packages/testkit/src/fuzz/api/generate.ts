/** Requests for every operation of the document: valid ones, and ones with something wrong. */
import type { Json, JsonObject } from "@millrace/language";
import { damageJson } from "../definition/damage.ts";
import { Generator } from "../definition/generate.ts";
import { generateRun } from "../engine/generate.ts";
import type { Random } from "../random.ts";
import { character, oddJson, oddString } from "../values.ts";
import { damage } from "../yaml/mutate.ts";
import { damageRequest } from "./damage.ts";
import type { ApiDocument, Operation, Parameter } from "./document.ts";
import { type Case, encode, headerText, type Request } from "./request.ts";

/** Values that lead to something, by parameter. */
const KNOWN: Readonly<Record<string, readonly string[]>> = {
  namespace: ["fuzz", "fuzz", "fuzz", "none"],
  name: ["hello", "hello", "waiter", "faulty", "absent"],
  version: ["1.0.0", "2.0.0", "latest", "9.9.9"],
  digest: ["@KEPT@", "@KEPT@", "@TEXT@", "0".repeat(64)],
  ttl: ["1h", "PT10M", "P1D"],
  id: ["@DONE@", "@FAULTED@", "@SUSPENDED@", "@WAITING@", "01JC7Z6V5M3B8Q4X2N9R0T1WYA"],
  since: ["2026-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z", "2999-12-31T23:59:59+14:00"],
  until: ["2026-01-01T00:00:00Z", "2999-12-31t23:59:59z"],
  status: ["running", "completed", "faulted", "waiting"],
  wait: ["0s", "10ms", "PT0.05S", "100ms", "3s"],
  after: ["0", "1", "100000", "9007199254740991"],
  limit: ["1", "2", "500"],
  cursor: ["WyIwMUpDN1o2VjVNM0I4UTRYMk45UjBUMVdZQSJd", "WyJhIiwiYiIsIjEuMC4wIl0", "WyJcdTAwMDAiXQ"],
  "idempotency-key": ["k1", "k2", "k3"],
  "last-event-id": ["0", "1", "99"],
};

export function generateCase(
  random: Random,
  document: ApiDocument,
  examples: readonly string[],
): Case {
  const length = random.chance(0.8) ? 1 : 2 + random.below(5);
  const same = random.chance(0.5) ? one(random, document, examples) : undefined;
  return {
    requests: random.list(length, () => same ?? one(random, document, examples)),
    together: random.chance(0.5),
  };
}

function one(random: Random, document: ApiDocument, examples: readonly string[]): Request {
  // Those that take a body have the most to go wrong: every other request is one of theirs.
  const operation = random.pick(
    random.chance(0.5)
      ? document.operations.filter(({ bodies }) => hasAny(bodies))
      : document.operations,
  );
  const valid = validRequest(random, document, operation, examples);
  return random.chance(0.35) ? valid : damageRequest(valid, random);
}

function hasAny(record: object): boolean {
  return Object.keys(record).length > 0;
}

function validRequest(
  random: Random,
  document: ApiDocument,
  operation: Operation,
  examples: readonly string[],
): Request {
  let path = operation.path;
  const query: string[] = [];
  const headers: [string, string][] = [];
  for (const parameter of operation.parameters) {
    if (parameter.required !== true && random.chance(0.6)) continue;
    const value = parameterValue(random, document.root, parameter);
    const encoded = encode(value);
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encoded);
    else if (parameter.in === "query") query.push(`${parameter.name}=${encoded}`);
    else headers.push([parameter.name, headerText(value)]);
  }
  if (random.chance(0.1)) headers.push(["Last-Event-ID", random.pick(["0", "1", "2", "99"])]);
  if (random.chance(0.2)) headers.push(["Accept", random.pick(["application/yaml", "*/*"])]);
  if (operation.path.includes("{digest}")) headers.push(...payloadHeaders(random));
  const target = query.length === 0 ? path : `${path}?${query.join("&")}`;
  const request = { method: operation.method, target, headers };
  const types = Object.keys(operation.bodies);
  if (types.length === 0) return request;
  const known = random.pick(types);
  const schema = operation.bodies[known] as JsonObject;
  const type = known === "*/*" ? random.pick(MEDIA_TYPES) : known;
  return {
    ...request,
    headers: [...headers, ["Content-Type", type], ...binaryHeaders(random, type)],
    body:
      known === "*/*" ? oddString(random, 3_000) : bodyOf(random, document, type, schema, examples),
    ...(random.chance(0.1) ? { framing: "chunked" as const } : {}),
  };
}

const MEDIA_TYPES = ["text/html", "application/json", "image/png", "text/plain; charset=utf-8"];

/** Conditions, ranges and codings. */
function payloadHeaders(random: Random): [string, string][] {
  const tags = ["*", '"@KEPT@"', 'W/"@KEPT@-gzip"', '"x"', "x", ""];
  const all: [string, string][] = [
    [
      "Range",
      random.pick(["bytes=0-0", "bytes=-5", "bytes=9-", "bytes=0-1,3-4", "x", "bytes=5-2"]),
    ],
    ["If-None-Match", random.pick(tags)],
    ["If-Match", random.pick(tags)],
    ["If-Range", random.pick(tags)],
    ["Accept-Encoding", random.pick(["gzip", "br;q=0.5, *;q=0", "zstd, identity;q=0", ";q=x"])],
  ];
  return all.filter(() => random.chance(0.3));
}

function parameterValue(random: Random, root: JsonObject, { name, schema }: Parameter): string {
  const known = KNOWN[name];
  if (known !== undefined && random.chance(0.85)) return random.pick(known);
  if (random.chance(0.3)) return oddString(random, 600);
  const value = new Generator(root, random).value(schema, 1);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** CloudEvents in binary mode. */
function binaryHeaders(random: Random, type: string): [string, string][] {
  if (type !== "application/octet-stream" || random.chance(0.1)) return [];
  return [
    ["ce-specversion", "1.0"],
    ["ce-id", headerText(encode(oddString(random, 1_500)))],
    ["ce-source", random.chance(0.8) ? "/fuzz" : headerText(encode(oddString(random, 1_500)))],
    ["ce-type", random.chance(0.8) ? "fuzz.made" : headerText(encode(oddString(random, 1_500)))],
  ];
}

function bodyOf(
  random: Random,
  document: ApiDocument,
  type: string,
  schema: JsonObject,
  examples: readonly string[],
): string {
  if (type.includes("cloudevents")) {
    const batch = type.includes("batch");
    return JSON.stringify(
      batch ? random.list(1 + random.small(5), () => event(random)) : event(random),
    );
  }
  if (type === "application/octet-stream")
    return random.list(random.small(50), () => character(random)).join("");
  if (schema["type"] === "string") return definitionText(random, examples);
  const value = new Generator(document.root, random).value(schema, 2);
  return JSON.stringify(random.chance(0.8) ? value : damageJson(value, random));
}

function event(random: Random): Json {
  const odd = (usual: string) => (random.chance(0.7) ? usual : oddString(random, 8_000));
  const made = {
    specversion: "1.0",
    id: random.chance(0.5) ? `e${random.below(1_000_000)}` : oddString(random, 8_000),
    source: odd("/fuzz"),
    type: odd("fuzz.made"),
    ...(random.chance(0.3) ? { subject: odd("s") } : {}),
    ...(random.chance(0.3) ? { time: odd("2026-01-01T00:00:00Z") } : {}),
    ...(random.chance(0.3) ? { [odd("ext")]: oddJson(random, 1) } : {}),
    ...(random.chance(0.6) ? { data: oddJson(random) } : {}),
  };
  return random.chance(0.8) ? made : damageJson(made, random);
}

/** A definition under a name of its own or one that is known, small enough for the server under test. */
function definitionText(random: Random, examples: readonly string[]): string {
  if (random.chance(0.5)) {
    const { definition } = generateRun(random) as { definition: JsonObject };
    const name = random.chance(0.8) ? `w${random.below(1_000)}` : "hello";
    const document = { dsl: "1.0.3", namespace: "fuzz", name, version: "3.0.0" };
    const title = random.chance(0.3) ? { title: oddString(random, 500) } : {};
    return JSON.stringify({ ...definition, document: { ...document, ...title } });
  }
  const text = random.pick(examples);
  return (random.chance(0.5) ? text : damage(text, random)).slice(0, 60_000);
}
