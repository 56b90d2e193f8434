/** Runs one case and holds it against what it expects. */
import assert from "node:assert/strict";
import type { Command, HistoryEvent, WorkflowError } from "@millrace/engine";
import {
  isObject,
  type Json,
  type JsonObject,
  load,
  parseDuration,
  type Program,
  standardErrors,
} from "@millrace/language";
import type { Case, Expected, ExpectedError, PlannedCommand } from "./case.ts";
import { type ScriptedServers, startServers } from "./servers.ts";
import { type Instance, World } from "./world.ts";

/**
 * Gives the milliseconds of simulated time that the instance took; `undefined` when it was refused or did not end.
 * @throws {assert.AssertionError} naming what is not as expected
 */
export async function runCase(given: Case): Promise<number | undefined> {
  const loaded = load(JSON.stringify(given.definition), { resources: given.outside });
  const issues = loaded.ok ? [] : loaded.issues.map(({ code, path }) => `${code} ${path}`);
  assert.deepEqual(issues, given.expect.refused ?? []);
  if (!loaded.ok) return undefined;
  const needed = Object.keys(given.servers).length > 0;
  const servers = needed ? await startServers(given) : undefined;
  try {
    const world = new World({
      program: loaded.program,
      input: given.input,
      servers,
      messages: given.messages,
      children: given.children.map(programOf),
      random: given.random,
      events: given.events.map(({ at, event }) => [
        at === "before" ? undefined : parseDuration(at),
        event,
      ]),
      planned: given.commands.map((planned, n) => [
        parseDuration(planned.at),
        commandOf(planned, n),
      ]),
    });
    const main = await world.run();
    check(given.expect, main, world, servers);
    return main.ended;
  } finally {
    await servers?.close();
  }
}

function commandOf({ send, reason, from, input }: PlannedCommand, number: number): Command {
  if (send !== "retry") return reason === undefined ? { kind: send } : { kind: send, reason };
  const more = { ...(from && { from }), ...(input === undefined ? {} : { input }) };
  return { kind: send, retryId: `retry ${number}`, ...more };
}

function programOf(definition: JsonObject): Program {
  const loaded = load(JSON.stringify(definition));
  assert.ok(loaded.ok, JSON.stringify(loaded.ok ? "" : loaded.issues));
  return loaded.program;
}

/** What every host of the engine can tell of an instance. */
export interface Outcome {
  readonly status: string;
  readonly output?: Json;
  readonly error?: WorkflowError;
  readonly history: readonly HistoryEvent[];
}

/** The part of the expectations that does not depend on simulated time. */
export function checkOutcome(expect: Expected, seen: Outcome): void {
  const { status, output, error, history } = seen;
  assert.equal(status, expect.status, JSON.stringify({ status, error }));
  if (expect.output !== undefined) assert.deepEqual(output, expect.output);
  checkError(expect.error, seen);
  checkHistory(expect, history);
}

function check(
  expect: Expected,
  main: Instance,
  world: World,
  servers: ScriptedServers | undefined,
): void {
  const { state } = main;
  assert.ok(state);
  checkOutcome(expect, { ...state, history: main.history });
  if (expect.context !== undefined) assert.deepEqual(state.context, expect.context);
  if (expect.elapsed !== undefined) assert.equal(main.ended, parseDuration(expect.elapsed));
  if (expect.events !== undefined) subset(world.emitted, expect.events);
  if (expect.children !== undefined) {
    const children = world.instances.slice(1);
    const lines = children.map(({ program, state: each }) => `${program.name} ${each?.status}`);
    assert.deepEqual(lines, expect.children);
  }
  if (expect.requests !== undefined) checkRequests(expect.requests, servers?.requests ?? []);
}

/** A faulted instance has the error the case expects; any other has none, and its case expects none. */
function checkError(expected: ExpectedError | undefined, seen: Outcome): void {
  assert.equal(expected !== undefined, seen.status === "faulted", JSON.stringify(seen.error));
  if (expected === undefined || seen.error === undefined) return;
  const { detail, title, type, status, instance } = expected;
  const { error } = seen;
  const names = standardErrors as Readonly<Record<string, { readonly type: string }>>;
  assert.equal(error.type, names[type]?.type ?? type, error.detail);
  assert.equal(error.status, status, error.detail);
  assert.equal(error.instance ?? null, instance, error.detail);
  if (title !== undefined) assert.equal(error.title, title);
  const pattern = /^\/(.*)\/$/s.exec(detail ?? "")?.[1];
  if (pattern !== undefined) assert.match(error.detail ?? "", new RegExp(pattern));
  else if (detail !== undefined) assert.equal(error.detail, detail);
}

function checkHistory(expect: Expected, history: readonly HistoryEvent[]): void {
  if (expect.history !== undefined) assert.deepEqual(history.map(line), expect.history);
  if (expect.order !== undefined) {
    const names = history.flatMap((event) => (event.kind === "task.started" ? [event.name] : []));
    assert.deepEqual(names, expect.order);
  }
  if (expect.retries !== undefined) {
    const delays = history.flatMap((event) => (event.kind === "task.retried" ? [event.delay] : []));
    assert.deepEqual(delays, expect.retries);
  }
}

/** `workflow.started`, `workflow.suspended (lunch)`, `completed /do/0/a`, `retried /do/0/t 2 after 1000`. */
function line(event: HistoryEvent): string {
  switch (event.kind) {
    case "task.retried":
      return `retried ${event.task} ${event.attempt} after ${event.delay}`;
    case "workflow.suspended":
    case "workflow.cancelled":
      return event.reason === undefined ? event.kind : `${event.kind} (${event.reason})`;
    case "workflow.correlation.started":
    case "workflow.correlation.completed":
      return `${event.kind.slice("workflow.".length)} ${event.task}`;
    case "workflow.retried":
      return event.from === undefined ? event.kind : `${event.kind} from ${event.from}`;
    case "workflow.started":
    case "workflow.resumed":
    case "workflow.faulted":
    case "workflow.completed":
      return event.kind;
    default:
      return `${event.kind.slice("task.".length)} ${event.task}`;
  }
}

function checkRequests(
  expected: readonly JsonObject[],
  requests: ScriptedServers["requests"],
): void {
  const lines = requests.map((each) => `${each.method} ${each.server}${each.target}`);
  assert.deepEqual(
    lines,
    expected.map(({ on }) => on),
  );
  for (const [index, { headers, body }] of expected.entries()) {
    const request = requests[index];
    if (headers !== undefined) subset(request?.headers, headers, lines[index]);
    if (body === undefined) continue;
    const text = request?.body.toString() ?? "";
    assert.deepEqual(typeof body === "string" ? text : JSON.parse(text), body);
  }
}

/** Every property expected is there with that value, at every depth; `null` means absent. Lists have equal lengths. */
function subset(actual: unknown, expected: Json, where = ""): void {
  if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual), `${where}: ${JSON.stringify(actual)}`);
    assert.equal(actual.length, expected.length, `${where}: ${JSON.stringify(actual)}`);
    for (const [index, each] of expected.entries())
      subset(actual[index], each as Json, `${where}/${index}`);
  } else if (isObject(expected)) {
    assert.ok(typeof actual === "object" && actual !== null, where);
    for (const [key, each] of Object.entries(expected))
      subset((actual as Record<string, unknown>)[key], each, `${where}/${key}`);
  } else assert.deepEqual(actual ?? null, expected, where);
}
