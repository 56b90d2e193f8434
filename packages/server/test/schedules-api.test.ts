/** `/v1/schedules` on a real server: what each route answers, and that its document says so. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Problem, Schedule, ScheduleDecision, SchedulePreview } from "@millrace/protocol";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import { loadConfig } from "../src/config.ts";
import { silentLogger } from "../src/logger.ts";
import { type Server, startServer } from "../src/main.ts";
import { CALLER, document, HELLO } from "./harness.ts";

interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}
type Responses = Record<string, unknown>;
interface Document {
  readonly paths: Record<string, Record<string, { readonly responses: Responses } | undefined>>;
}

const workflow = { namespace: "test", name: "hello" };
/** Far away: nothing fires by itself. */
const YEARLY = { workflow, cron: "0 9 1 1 *", timeZone: "Europe/Lisbon", input: { name: "you" } };

describe("/v1/schedules", () => {
  let database: TestDatabase;
  let server: Server;
  let described: Document;
  before(async () => {
    database = await createDatabase();
    const config = loadConfig({}, { databaseUrl: database.url, port: 0 });
    server = await startServer(config, { log: silentLogger });
    for (const text of [HELLO, CALLER]) await server.runtime.applyWorkflow({ text });
    described = (await (await fetch(`${server.url}/openapi.json`)).json()) as Document;
  });
  after(async () => {
    await server.stop();
    await database.drop();
  });

  /** Every answer's status is one that the document names. */
  async function call<T = Schedule>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const response = await fetch(`${server.url}/v1/schedules${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const pattern = path.split("?", 1)[0]?.replace(/^\/[^/]+/, "/{name}") ?? "";
    const route = path.startsWith("/preview") ? "/preview" : pattern;
    const { responses = {} } =
      described.paths[`/v1/schedules${route}`]?.[method.toLowerCase()] ?? {};
    assert.ok(response.status in responses, `${method} ${route} documents ${response.status}`);
    const text = await response.text();
    const { status, headers: got } = response;
    return { status, headers: got, body: (text === "" ? undefined : JSON.parse(text)) as T };
  }
  const refused = async (code: string, ...asked: Parameters<typeof call>): Promise<Problem> => {
    const { body } = await call<Problem>(...asked);
    assert.equal(body.code, code, JSON.stringify(body));
    return body;
  };

  it("makes a schedule with every default told, and finds it again", async () => {
    const made = await call("POST", "", { name: "report", ...YEARLY });
    assert.equal(made.status, 201);
    assert.equal(made.headers.get("location"), "/v1/schedules/report");
    assert.deepEqual(made.body.spec, {
      ...YEARLY,
      dstGap: "run",
      dstOverlap: "first",
      overlap: "skip",
      catchUp: "last",
      catchUpWindow: "P1D",
      jitter: "PT0S",
      excludedDates: [],
    });
    assert.match(made.body.next?.nominal ?? "", /-01-01T09:00:00\.000Z$/);
    assert.equal(made.body.source, "api");
    assert.deepEqual((await call("GET", "/report")).body, made.body);
  });

  it("takes the very same schedule twice, and no other of its name", async () => {
    await call("POST", "", { name: "twice", ...YEARLY });
    const again = await call("POST", "", { name: "twice", ...YEARLY, jitter: { seconds: 0 } });
    assert.equal(again.status, 200);
    await refused("schedule-conflict", "POST", "", { name: "twice", ...YEARLY, jitter: "PT1S" });
  });

  it("takes back what it gave, changed or not", async () => {
    const { body } = await call("POST", "", { name: "changing", ...YEARLY });
    const same = await call("PUT", "/changing", body.spec);
    assert.deepEqual(same.body.spec, body.spec);
    const { cron: _, ...rest } = body.spec;
    const other = await call("PUT", "/changing", { ...rest, every: "PT90M", priority: "P3" });
    assert.equal(other.status, 200);
    assert.deepEqual(other.body.spec, { ...rest, every: "PT1H30M", priority: "P3" });
  });

  it("refuses what is wrong with a schedule, all of it, by the names it was given", async () => {
    const { issues = [] } = await refused("schedule-invalid", "POST", "", {
      name: "wrong",
      ...YEARLY,
      timeZone: "Europe/Lisbonn",
      overlap: "buferOne",
      pauseAfterFailures: 0,
      excludedDates: ["2027-02-29"],
      tmeZone: "UTC",
    });
    assert.deepEqual(issues.map(({ path }) => path).toSorted(), [
      "excludedDates",
      "overlap",
      "pauseAfterFailures",
      "timeZone",
      "tmeZone",
    ]);
    assert.match(JSON.stringify(issues), /did you mean \\"Europe\/Lisbon\\"/);
    await refused("schedule-not-found", "GET", "/wrong");
  });

  it("refuses a schedule without a name, with a bad one, and of a workflow that there is not", async () => {
    assert.match((await refused("invalid-request", "POST", "", YEARLY)).detail ?? "", /name/);
    await refused("invalid-request", "POST", "", { name: "a b", ...YEARLY });
    await refused("invalid-request", "POST", "", { name: "a", ...YEARLY, paused: true });
    const nobody = { ...YEARLY, workflow: { namespace: "test", name: "nobody" } };
    await refused("workflow-not-found", "POST", "", { name: "nobody", ...nobody });
    const version = { ...YEARLY, workflow: { ...workflow, version: "9.9.9" } };
    await refused("workflow-not-found", "POST", "", { name: "nobody", ...version });
    await refused("schedule-invalid", "POST", "", []);
  });

  it("knows no schedule that there is not", async () => {
    for (const [method, path, body] of [
      ["GET", "/none", undefined],
      ["PUT", "/none", YEARLY],
      ["DELETE", "/none", undefined],
      ["POST", "/none/pause", {}],
      ["POST", "/none/resume", {}],
      ["POST", "/none/trigger", {}],
      ["POST", "/none/backfill", { from: "2020-01-01T00:00:00Z", until: "2020-01-02T00:00:00Z" }],
      ["GET", "/none/preview", undefined],
      ["GET", "/none/decisions", undefined],
    ] as const)
      await refused("schedule-not-found", method, path, body);
  });

  it("pauses with a note, and resumes", async () => {
    await call("POST", "", { name: "pausing", ...YEARLY });
    const paused = await call("POST", "/pausing/pause", { note: "for the audit" });
    assert.equal(paused.body.paused?.note, "for the audit");
    assert.equal(paused.body.paused?.by, "user");
    assert.equal(paused.body.next, undefined);
    const { body } = await call<{ items: Schedule[] }>("GET", "?paused=true&namespace=test");
    assert.deepEqual(
      body.items.map(({ name }) => name),
      ["pausing"],
    );
    const resumed = await call("POST", "/pausing/resume");
    assert.equal(resumed.body.paused, undefined);
    assert.ok(resumed.body.next);
    const started = await call("POST", "", { name: "starts-paused", paused: {}, ...YEARLY });
    assert.equal(started.body.paused?.by, "user");
  });

  it("starts an instance by hand, one for a key, and has it on record", async () => {
    await call("POST", "", { name: "by-hand", ...YEARLY });
    const key = { "idempotency-key": "once" };
    const input = { input: { name: "Ada" } };
    const first = await call<{ id: string }>("POST", "/by-hand/trigger", input, key);
    assert.equal(first.status, 201);
    const again = await call<{ id: string }>("POST", "/by-hand/trigger", input, key);
    assert.deepEqual([again.status, again.body.id], [200, first.body.id]);
    const view = await server.runtime.waitInstance(first.body.id, 20_000);
    assert.deepEqual(view.output, { message: "Hello Ada" });
    const { body } = await call<{ items: ScheduleDecision[] }>(
      "GET",
      "/by-hand/decisions?outcome=started",
    );
    assert.deepEqual(
      body.items.map(({ origin, instanceId }) => [origin, instanceId]),
      [["trigger", first.body.id]],
    );
  });

  it("starts instances for a stretch of the past, page by page on record", async () => {
    await call("POST", "", { name: "filling", ...YEARLY, cron: "0 9 * * *" });
    const stretch = { from: "2026-01-01T00:00:00Z", until: "2026-01-03T23:00:00Z" };
    const accepted = await call<{ times: number }>("POST", "/filling/backfill", stretch);
    assert.deepEqual([accepted.status, accepted.body], [202, { times: 3 }]);
    const found: ScheduleDecision[] = [];
    while (found.length < 3) {
      found.length = 0;
      let more: string | undefined = "";
      while (more !== undefined) {
        const page: Answer<{ items: ScheduleDecision[]; nextCursor?: string }> = await call(
          "GET",
          `/filling/decisions?limit=2${more}`,
        );
        found.push(...page.body.items);
        more = page.body.nextCursor && `&cursor=${page.body.nextCursor}`;
      }
    }
    assert.deepEqual(
      found.map(({ nominal, origin, outcome }) => [nominal, origin, outcome]),
      ["03", "02", "01"].map((day) => [`2026-01-${day}T09:00:00.000Z`, "backfill", "started"]),
    );
  });

  it("refuses stretches that are none, or not past", async () => {
    await call("POST", "", { name: "stretching", ...YEARLY });
    const backfill = async (from: string, until: string): Promise<string> => {
      const asked = { from, until };
      const told = await refused("invalid-request", "POST", "/stretching/backfill", asked);
      return told.detail ?? "";
    };
    assert.match(await backfill("2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"), /before `from`/);
    assert.match(await backfill("2026-01-02T00:00:00Z", "9026-01-01T00:00:00Z"), /future/);
    assert.match(await backfill("yesterday", "2026-01-01T00:00:00Z"), /from/);
    await refused("invalid-request", "POST", "/stretching/backfill", {});
  });

  it("previews a schedule, and one that is only written down", async () => {
    await call("POST", "", { name: "showing", ...YEARLY, cron: "30 1 * * *" });
    const query = "?count=2&after=2027-03-27T12:00:00Z";
    const stored = await call<SchedulePreview>("GET", `/showing/preview${query}`);
    assert.deepEqual(stored.body, {
      timeZone: "Europe/Lisbon",
      items: [
        {
          nominal: "2027-03-28T01:00:00.000Z",
          dueAt: "2027-03-28T01:00:00.000Z",
          local: "2027-03-28T02:00:00+01:00",
          excluded: false,
          shift: "movedOutOfGap",
        },
        {
          nominal: "2027-03-29T00:30:00.000Z",
          dueAt: "2027-03-29T00:30:00.000Z",
          local: "2027-03-29T01:30:00+01:00",
          excluded: false,
        },
      ],
    });
    const spec = { ...YEARLY, cron: "30 1 * * *" };
    const written = await call<SchedulePreview>("POST", `/preview${query}`, spec);
    assert.deepEqual(written.body, stored.body);
    const wrong = { ...YEARLY, cron: "0 0 30 2 *" };
    const told = await refused("schedule-invalid", "POST", "/preview", wrong);
    assert.match(told.detail ?? "", /^cron: .*never/);
    await refused("invalid-request", "GET", "/showing/preview?count=0");
    await refused("invalid-request", "POST", "/preview?after=noon", YEARLY);
  });

  it("lists by name, in pages, by workflow", async () => {
    const paged = { ...YEARLY, workflow: { namespace: "test", name: "caller" } };
    for (const name of ["page-a", "page-b", "page-c"]) await call("POST", "", { name, ...paged });
    type List = { items: Schedule[]; nextCursor?: string };
    const first = await call<List>("GET", "?workflow=caller&limit=2");
    const names = first.body.items.map(({ name }) => name);
    const more = await call<List>(
      "GET",
      `?workflow=caller&limit=2&cursor=${first.body.nextCursor ?? ""}`,
    );
    assert.deepEqual(
      [names, more.body.items.map(({ name }) => name), more.body.nextCursor],
      [["page-a", "page-b"], ["page-c"], undefined],
    );
    await refused("invalid-cursor", "GET", "?cursor=x");
    await refused("invalid-cursor", "GET", "/page-a/decisions?cursor=x");
  });

  it("leaves to a definition what is the definition's", async () => {
    const text = document("own").replace(
      " }",
      ", metadata: { millrace: { schedule: { overlap: allow, timeZone: Asia/Tokyo } } } }",
    );
    const task = "do: [ { nothing: { set: { x: 1 } } } ]";
    await server.runtime.applyWorkflow({ text: `${text}\nschedule: { cron: '@yearly' }\n${task}` });
    const { body } = await call("GET", "/test.own");
    assert.equal(body.source, "definition");
    assert.deepEqual(
      [body.spec.cron, body.spec.overlap, body.spec.timeZone],
      ["@yearly", "allow", "Asia/Tokyo"],
    );
    await refused("schedule-conflict", "PUT", "/test.own", YEARLY);
    await refused("schedule-conflict", "DELETE", "/test.own");
    assert.equal((await call("POST", "/test.own/pause", {})).status, 200);
  });

  it("deletes, and what is deleted is gone", async () => {
    await call("POST", "", { name: "leaving", ...YEARLY });
    assert.equal((await call("DELETE", "/leaving")).status, 204);
    await refused("schedule-not-found", "DELETE", "/leaving");
    assert.equal((await call("POST", "", { name: "leaving", ...YEARLY })).status, 201);
  });
});
