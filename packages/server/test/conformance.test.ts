/**
 * The conformance cases on the real hosts: in this process as `millrace run` does it, and on PostgreSQL. Those that take no
 * simulated time and look at nothing that differs between hosts (time, ids) must come out as they do in the simulation.
 */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type Json, type JsonObject, load, type Program } from "@millrace/language";
import type { RunningRuntime } from "@millrace/server";
import {
  type ActivityExecutor,
  LocalEvents,
  type LocalResult,
  runToEnd,
} from "@millrace/server/local";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import {
  type Case,
  bringing,
  checkOutcome,
  readCases,
  runCase,
  type ScriptedServers,
  startServers,
} from "@millrace/testkit/conformance";
import { open } from "./harness.ts";

const WAIT = 20_000;
/** What differs between hosts. */
const HOST = /\$(?:workflow|runtime)|startedAt|\bnow\b|idempotency-key|emit/;

const eligible = readCases().filter(
  ({ commands, children, definition, expect, servers, messages }) =>
    expect.refused === undefined &&
    commands.length === 0 &&
    children.length === 0 &&
    !JSON.stringify([servers, messages]).includes('"after"') &&
    !HOST.test(JSON.stringify([definition, expect])),
);

/** The cases that end without simulated time going by. */
async function immediate(): Promise<readonly Case[]> {
  const found: Case[] = [];
  for (const each of eligible) if ((await runCase(each)) === 0) found.push(each);
  assert.ok(found.length > 150, `${found.length} cases`);
  return found;
}

/** Runs a case with its servers, if it has any, and names it in whatever goes wrong. */
async function withServers(
  given: Case,
  run: (servers: ScriptedServers | undefined) => Promise<void>,
): Promise<void> {
  const servers = needsServers(given) ? await startServers(given) : undefined;
  try {
    await run(servers);
  } catch (error) {
    throw new Error(`${given.file}: ${given.name}`, { cause: error });
  } finally {
    await servers?.close();
  }
}

/** True for a case that needs an executor of its own. */
function needsServers({ servers, messages }: Case): boolean {
  return Object.keys(servers).length + messages.length > 0;
}

function executorOf({ messages }: Case, servers: ScriptedServers | undefined): ActivityExecutor {
  return messages.length > 0 ? bringing(messages) : (servers?.executor ?? NOBODY);
}

/** For cases that call nobody. */
const NOBODY: ActivityExecutor = {
  execute: () => Promise.reject(new Error("the case has no servers")),
};

suite("conformance on the real hosts", () => {
  let cases: readonly Case[];
  let database: TestDatabase;
  let opened: RunningRuntime;
  let serving: ActivityExecutor = NOBODY;

  before(async () => {
    cases = await immediate();
    database = await createDatabase();
    opened = await open(database, (...all) => serving.execute(...all), {
      fetchText: async ({ url }) => outside(cases, url),
    });
  });
  after(async () => {
    await opened.stop();
    await database.drop();
  });

  test("in this process", async () => {
    for (const each of cases)
      await withServers(each, async (servers) => {
        const executor = executorOf(each, servers);
        const loaded = load(JSON.stringify(each.definition), { resources: each.outside });
        assert.ok(loaded.ok);
        const { state, history } = await runWithEvents(each, loaded.program, executor);
        checkOutcome(each.expect, { ...state, history });
      });
  });

  test("on PostgreSQL", async () => {
    const { runtime } = opened;
    const run = async (given: Case): Promise<void> => {
      const definition = versioned(given.definition, `1.0.${cases.indexOf(given)}`);
      const { workflow } = await runtime.applyWorkflow({ text: JSON.stringify(definition) });
      const { id } = await runtime.startInstance({ ...workflow, input: given.input });
      const view = await runtime.waitInstance(id, WAIT);
      const { events } = await runtime.getHistory(id, 0, 10_000);
      checkOutcome(given.expect, { ...view, history: events });
    };
    // Here one case's events would be another's.
    const apart = cases.filter(({ events }) => events.length === 0);
    const [alone, together] = [apart.filter(needsServers), apart.filter((it) => !needsServers(it))];
    await Promise.all(together.map((each) => withServers(each, () => run(each))));
    for (const each of alone)
      await withServers(each, (servers) => {
        serving = executorOf(each, servers);
        return run(each);
      });
  });
});

/** The case's events are published at its start, or before. */
function runWithEvents(
  { input, events }: Case,
  program: Program,
  executor: ActivityExecutor,
): Promise<LocalResult> {
  if (events.length === 0) return runToEnd(program, "I", input, { executor });
  const local = new LocalEvents(() => ({ now: Date.now() }));
  for (const { at, event } of events) if (at === "before") local.publish(event);
  const result = runToEnd(program, "I", input, { executor, events: local });
  for (const { at, event } of events) if (at !== "before") local.publish(event);
  return result;
}

/** What some case finds at an address; cases that use one address mean the same by it. */
function outside(cases: readonly Case[], url: string): string {
  const found = cases.flatMap((each) =>
    ["function", "schema"].flatMap((kind) => each.outside[`${kind} ${url}`] ?? []),
  );
  if (found[0] === undefined) throw new Error(`nothing is at ${url}`);
  return JSON.stringify(found[0]);
}

/** Cases share a name; here each is a version of its own. */
function versioned(definition: JsonObject, version: string): Json {
  return { ...definition, document: { ...(definition.document as JsonObject), version } };
}
