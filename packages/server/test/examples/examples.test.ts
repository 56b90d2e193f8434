/**
 * The specification's examples, unmodified: each is applied, and each that can run yet runs to its intended end on a real
 * runtime, with counterparts on loopback (`stand.ts`, `hosts.ts`). `table.ts` says what that end is.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { isObject, type Json, type JsonObject, parseYaml } from "@millrace/language";
import { fake, petstore, rawContent, swapi } from "./hosts.ts";
import { type Ended, openStand, type Stand } from "./stand.ts";
import { type Example, EXAMPLES, LATER } from "./table.ts";

const folder = join(process.env["MILLRACE_SPEC_DIR"] ?? "", "examples");
const missing =
  process.env["MILLRACE_SPEC_DIR"] === undefined || !existsSync(folder)
    ? "set MILLRACE_SPEC_DIR to a folder with the specification's examples/"
    : false;
const WAIT = 60_000;
/** Tokens of the bearer examples. */
const TOKENS = new Set(["t"]);
const HOSTS = [
  "https://petstore.swagger.io",
  "https://swapi.dev",
  "https://fake.com",
  "https://raw.githubusercontent.com",
  "https://fake-hospital.com",
  "https://superbet-casinos.com",
  "https://external-service.example.com",
  "https://example.com",
  "https://hospital.example.com",
];

function files(): readonly string[] {
  return missing === false ? readdirSync(folder).filter((name) => name.endsWith(".yaml")) : [];
}

suite("the specification's examples", { skip: missing }, () => {
  let stand: Stand;

  before(async () => {
    stand = await openStand(HOSTS);
    const { hosts } = stand;
    hosts.set("petstore.swagger.io", petstore(authorized));
    hosts.set("swapi.dev", swapi);
    hosts.set("fake.com", fake);
    hosts.set("raw.githubusercontent.com", rawContent);
    hosts.set("fake-hospital.com", () => ({ body: { alerted: true } }));
    hosts.set("external-service.example.com", () => ({ status: 503 }));
    hosts.set("hospital.example.com", () => ({ body: { notified: true } }));
    hosts.set("example.com", () => ({ body: { started: true } }));
  });
  after(() => stand.close());

  /** No policy, a token of the examples, or one of the authority. */
  async function authorized(authorization: string | undefined): Promise<boolean> {
    const token = authorization?.replace(/^Bearer /, "");
    if (token === undefined || TOKENS.has(token)) return true;
    return stand.verify(token).then(
      () => true,
      () => false,
    );
  }

  test("each is in the table once", () => {
    const listed = [...Object.keys(EXAMPLES), ...Object.keys(LATER)].map((it) => `${it}.yaml`);
    assert.deepEqual(files().toSorted(), listed.toSorted());
  });

  for (const [index, file] of files().entries()) {
    const name = file.replace(/\.yaml$/, "");
    const example = EXAMPLES[name];
    const title = example === undefined ? `${name}: applied (${LATER[name]})` : name;
    test(title, async () => {
      stand.reset();
      const workflow = await apply(stand, readFileSync(join(folder, file), "utf8"), index);
      if (example !== undefined) await run(stand, workflow, example);
    });
  }
});

/** Examples share names and versions; here each is a version of its own, and otherwise as it is. */
async function apply(stand: Stand, text: string, index: number) {
  const { value } = parseYaml(text);
  assert.ok(value !== undefined && isObject(value));
  const document = { ...(value["document"] as JsonObject), version: `9.0.${index}` };
  const definition: Json = { ...value, document };
  const { workflow } = await stand.runtime.applyWorkflow({ text: JSON.stringify(definition) });
  return workflow;
}

async function run(
  stand: Stand,
  workflow: { readonly namespace: string; readonly name: string; readonly version: string },
  example: Example,
): Promise<void> {
  const { runtime } = stand;
  for (const text of example.children ?? []) await runtime.applyWorkflow({ text });
  for (const [name, value] of Object.entries(example.secrets ?? {})) stand.secrets.set(name, value);
  const { namespace, name, version } = workflow;
  const { input = {}, status = "completed" } = example;
  const id =
    example.scheduled === undefined && example.event === undefined
      ? (await runtime.startInstance({ namespace, name, version, input })).id
      : await startedBySchedule(stand, `${namespace}.${name}`, example);
  await publish(stand, name, example);
  const ended: Ended = await runtime.waitInstance(id, WAIT);
  assert.equal(ended.status, status, JSON.stringify(ended.error));
  if (example.output !== undefined) assert.deepEqual(ended.output, example.output);
  if (example.requests !== undefined) {
    const lines = stand.requests.map(
      ({ method, target, headers }) => `${method} ${headers["host"]}${target}`,
    );
    assert.deepEqual(lines, example.requests);
  }
  await example.check?.(ended, stand);
}

/** One source and subject: they come in order. */
async function publish({ runtime }: Stand, name: string, { events = [] }: Example): Promise<void> {
  if (events.length === 0) return;
  const context = { specversion: "1.0", source: "https://examples.test/", subject: name };
  const found = await runtime.publishEvents(
    events.map(([type, data]) => ({ ...context, id: randomUUID(), type, data })),
  );
  assert.equal(found.accepted, events.length);
}

/** The instance that the schedule of a definition starts for a time of the past, or for an event. */
async function startedBySchedule(
  { schedules, runtime }: Stand,
  name: string,
  { scheduled, event }: Example,
): Promise<string> {
  const started = async (): Promise<readonly string[]> => {
    const { items } = await schedules.listDecisions({ name, outcome: "started", limit: 500 });
    return items.flatMap(({ instanceId }) => (instanceId === undefined ? [] : [instanceId]));
  };
  const before = new Set(await started());
  if (scheduled !== undefined) {
    const time = Date.parse(scheduled);
    await schedules.backfillSchedule({ name, from: time, until: time });
  }
  if (event !== undefined) {
    const attributes = { specversion: "1.0", id: randomUUID(), source: "/examples" };
    await runtime.publishEvents([{ ...attributes, ...event }]);
  }
  for (;;) {
    const id = (await started()).find((each) => !before.has(each));
    // What is on record as started is there a moment later.
    if (id !== undefined && (await runtime.getInstance(id).catch(() => undefined))) return id;
  }
}
