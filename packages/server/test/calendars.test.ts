/** `/v1/calendars` on a real server, and what schedules make of them. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { MillraceClient, MillraceError } from "@millrace/sdk";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import pg from "pg";
import { loadConfig } from "../src/config.ts";
import { silentLogger } from "../src/logger.ts";
import { type Server, startServer } from "../src/main.ts";
import { HELLO } from "./harness.ts";

const workflow = { namespace: "test", name: "hello" };
/** Far away: nothing fires by itself. */
const YEARLY = { workflow, cron: "0 9 1 1 *" };

/** Today and its neighbours in UTC: the night may come while a test runs. */
function aroundToday(): string {
  const day = (offset: number) =>
    new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
  return `${day(-1)}/${day(1)}`;
}

describe("/v1/calendars", () => {
  let database: TestDatabase;
  let server: Server;
  let client: MillraceClient;
  before(async () => {
    database = await createDatabase();
    server = await startServer(config(), { log: silentLogger });
    client = new MillraceClient({ url: server.url });
    await client.workflows.apply(HELLO);
  });
  after(async () => {
    await server.stop();
    await database.drop();
  });
  const config = () => loadConfig({}, { databaseUrl: database.url, port: 0 });
  const refused = async (code: string, work: Promise<unknown>): Promise<MillraceError> => {
    const error = await work.then(
      () => assert.fail(`expected ${code}`),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof MillraceError, String(error));
    assert.equal(error.code, code, error.message);
    return error;
  };
  /** Decisions of a schedule that satisfy, as soon as there are any. */
  async function decided(name: string, wanted: (each: { reason?: string }) => boolean) {
    for (;;) {
      const found = (await Array.fromAsync(client.schedules.decisions(name))).filter(wanted);
      if (found.length > 0) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  it("are made, read, replaced, listed and deleted", async () => {
    const dates = ["2027-04-02", "2027-12-24/2028-01-02", "--05-01"];
    const made = await client.calendars.set("pt", { title: "Portugal", dates });
    assert.deepEqual([made.name, made.title, made.dates], ["pt", "Portugal", dates]);
    assert.deepEqual(await client.calendars.get("pt"), made);
    const other = await client.calendars.set("pt", { dates: ["--12-25"] });
    assert.deepEqual([other.title, other.dates], [undefined, ["--12-25"]]);
    assert.equal(other.createdAt, made.createdAt);
    await client.calendars.set("uk", { dates: [] });
    const listed = await Array.fromAsync(client.calendars.list({ limit: 1 }));
    assert.deepEqual(
      listed.map(({ name, entries }) => [name, entries]),
      [
        ["pt", 1],
        ["uk", 0],
      ],
    );
    await client.calendars.delete("uk");
    await refused("calendar-not-found", client.calendars.get("uk"));
    await refused("calendar-not-found", client.calendars.delete("uk"));
  });

  it("refuse dates that there are not, all of them, and more than 2,000 entries", async () => {
    const dates = ["2027-02-29", "--02-30", "2027-01-02/2027-01-01", "--02-29", "1 May"];
    const { problem } = await refused("calendar-invalid", client.calendars.set("bad", { dates }));
    assert.deepEqual(
      problem?.issues?.map(({ path }) => path),
      ["dates[0]", "dates[1]", "dates[2]", "dates[4]"],
    );
    const many = Array.from({ length: 2_001 }, () => "2027-01-01");
    await refused("invalid-request", client.calendars.set("bad", { dates: many }));
    await refused("invalid-request", client.calendars.set("no/name", { dates: [] }));
    await refused("calendar-not-found", client.calendars.get("bad"));
    await client.calendars.set("most", { dates: many.slice(1) });
  });

  it("that there are not are refused by name, in schedules and definitions", async () => {
    await client.calendars.set("holidays", { dates: ["--12-25"] });
    const spec = { ...YEARLY, calendars: ["holidays", "hollidays"] };
    const asks = [
      () => client.schedules.create({ name: "unknown", ...spec }),
      () => client.schedules.previewSpec(spec),
    ];
    for (const ask of asks) {
      const { problem } = await refused("schedule-invalid", ask());
      const message = 'there is no calendar hollidays (did you mean "holidays"?)';
      assert.deepEqual(problem?.issues, [{ path: "calendars[1]", message }]);
    }
    await client.schedules.create({ name: "known", ...YEARLY });
    await refused("schedule-invalid", client.schedules.update("known", spec));
    const definition = (version: string, name: string) =>
      [
        `document: { dsl: '1.0.3', namespace: test, name: timed, version: ${version},`,
        `  metadata: { millrace: { schedule: { calendars: [ ${name} ] } } } }`,
        "schedule: { cron: '@yearly' }",
        "do: [ { nothing: { set: { x: 1 } } } ]",
      ].join("\n");
    const { problem } = await refused(
      "workflow-invalid",
      client.workflows.apply(definition("1.0.0", "hollidays")),
    );
    const path = "document.metadata.millrace.schedule.calendars[0]";
    const [issue, ...more] = problem?.issues ?? [];
    assert.deepEqual([issue?.path, issue?.line, issue?.column, more], [path, 2, 52, []]);
    await refused("workflow-not-found", client.workflows.get({ namespace: "test", name: "timed" }));
    await client.workflows.apply(definition("1.0.0", "holidays"));
    const { spec: made } = await client.schedules.get("test.timed");
    assert.deepEqual(made.calendars, ["holidays"]);
  });

  it("are kept while a schedule refers to them", async () => {
    await client.calendars.set("kept", { dates: [] });
    await client.schedules.create({ name: "user", ...YEARLY, calendars: ["kept"] });
    const error = await refused("calendar-in-use", client.calendars.delete("kept"));
    assert.match(error.message, /the schedule user refers to the calendar kept/);
    await client.schedules.update("user", YEARLY);
    await client.calendars.delete("kept");
    await client.calendars.set("kept", { dates: [] });
    await client.schedules.update("user", { ...YEARLY, calendars: ["kept"] });
    await refused("calendar-in-use", client.calendars.delete("kept"));
    await client.schedules.delete("user");
    await client.calendars.delete("kept");
  });

  it("are looked at as a time is due, and are named on record", async () => {
    await client.calendars.set("today", { dates: [] });
    const spec = { workflow, every: "PT0.1S", overlap: "allow" as const, calendars: ["today"] };
    await client.schedules.create({ name: "often", ...spec });
    await decided("often", ({ reason }) => reason === undefined);
    await client.calendars.set("today", { dates: [aroundToday()] });
    // What is decided from here on: by the server's clock, which this one may be a little behind.
    const changed = Date.now() + 100;
    const later = (each: object): boolean => startedAfter(each, changed);
    const excluded = await decided("often", (each) => each.reason === "excluded" && later(each));
    assert.equal(excluded[0]?.detail, "by the calendar today");
    const after = await decided("often", later);
    assert.ok(after.every(({ reason }) => reason === "excluded"));
    const { next } = await client.schedules.get("often");
    assert.deepEqual([next?.excluded, next?.calendar], [true, "today"]);
    await client.calendars.set("today", { dates: [] });
    const until = Date.now();
    await decided("often", (each) => each.reason === undefined && startedAfter(each, until));
    await client.schedules.delete("often");
  });
  const startedAfter = (each: object, instant: number): boolean =>
    "at" in each && Date.parse(String(each.at)) >= instant;

  it("mark the times of a preview, with their name", async () => {
    await client.calendars.set("winter", { dates: ["2027-12-24/2028-01-02"] });
    const spec = { workflow, cron: "0 9 * * *", timeZone: "Europe/Lisbon", calendars: ["winter"] };
    const own = { ...spec, excludedDates: ["--12-23"] };
    const shown = async () => {
      const after = new Date("2027-12-22T00:00:00Z");
      const { items } = await client.schedules.previewSpec(own, { after, count: 4 });
      return items.map(({ excluded, calendar }) => [excluded, calendar]);
    };
    const plain = [false, undefined];
    const winter = [true, "winter"];
    assert.deepEqual(await shown(), [plain, [true, undefined], winter, winter]);
    await client.calendars.set("winter", { dates: ["2027-12-25"] });
    assert.deepEqual(await shown(), [plain, [true, undefined], plain, winter]);
  });

  it("that another node changes are known here soon", async () => {
    await client.calendars.set("shared", { dates: [] });
    await client.schedules.create({ name: "sharing", ...YEARLY, calendars: ["shared"] });
    const other = new pg.Client(database.url);
    await other.connect();
    await other.query(
      `UPDATE calendars SET dates = '{--01-01}', change = nextval('calendar_changes') WHERE name = 'shared'`,
    );
    await other.end();
    const { items } = await client.schedules.preview("sharing", { count: 1 });
    assert.equal(items[0]?.calendar, "shared");
  });

  it("that are gone keep times waiting until they are there again", async () => {
    await client.calendars.set("lost", { dates: [] });
    const spec = { workflow, every: "PT0.1S", overlap: "allow" as const, catchUp: "all" as const };
    await client.schedules.create({ name: "waiting", ...spec, calendars: ["lost"] });
    await decided("waiting", ({ reason }) => reason === undefined);
    // What no API does: as if it had been deleted in the moment in which the schedule was made.
    const behind = new pg.Client(database.url);
    await behind.connect();
    await behind.query("DELETE FROM calendars WHERE name = 'lost'");
    await client.calendars.set("another", { dates: [] });
    const { rows } = await behind.query("SELECT now_ms() AS now");
    const gone = Number(rows[0]?.now);
    // Three of its times have come.
    for (;;) {
      const { next } = await client.schedules.get("waiting");
      if (next !== undefined && Date.parse(next.nominal) < Date.now() - 300) break;
    }
    const all = await Array.fromAsync(client.schedules.decisions("waiting"));
    assert.deepEqual(
      all.filter(({ nominal }) => Date.parse(nominal) > gone + 100),
      [],
    );
    await behind.end();
    await client.calendars.set("lost", { dates: [aroundToday()] });
    const [excluded] = await decided("waiting", ({ reason }) => reason === "excluded");
    assert.ok(excluded !== undefined && Date.parse(excluded.nominal) <= gone + 200);
    await client.schedules.delete("waiting");
  });

  it("are loaded before anything is decided when a server comes back", async () => {
    await client.calendars.set("always", { dates: ["0001-01-01/9999-12-31"] });
    const spec = { workflow, every: "PT0.1S", overlap: "allow" as const, catchUp: "all" as const };
    await client.schedules.create({ name: "never", ...spec, calendars: ["always"] });
    await decided("never", ({ reason }) => reason === "excluded");
    await server.stop();
    server = await startServer(config(), { log: silentLogger });
    client = new MillraceClient({ url: server.url });
    const begun = Date.now();
    await decided("never", (each) => startedAfter(each, begun));
    const all = await Array.fromAsync(client.schedules.decisions("never"));
    assert.ok(all.every(({ reason }) => reason === "excluded"));
    await client.schedules.delete("never");
  });
});
