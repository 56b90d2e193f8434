/**
 * Our conformance cases: YAML files below `packages/testkit/conformance`, one file per subject. `README.md` there explains
 * the format to those who write cases.
 */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import {
  isObject,
  type Json,
  type JsonObject,
  parseYaml,
  type Resources,
} from "@millrace/language";
import type { ScriptedMessage } from "./messages.ts";

export const CASES_FOLDER = join(import.meta.dirname, "../../conformance");

/** One scripted answer of a server. */
export interface ScriptedReply {
  /** `GET /path?query`; absent: any request. */
  readonly on?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: Json;
  /** Sent as it is. */
  readonly text?: string;
  /** Simulated time until the workflow hears of the answer: a duration, or `never`. */
  readonly after?: Json;
}

export interface PlannedCommand {
  readonly at: Json;
  readonly send: "suspend" | "resume" | "cancel" | "retry";
  readonly reason?: string;
  /** Of a retry: the task it goes on from, and that task's input. */
  readonly from?: string;
  readonly input?: Json;
}

/** An event that is published from outside. */
export interface PlannedEvent {
  /** Time since the start; `before` for one that comes before the instance starts. */
  readonly at: Json;
  /** Its attributes and data. */
  readonly event: JsonObject;
}

export interface ExpectedError {
  /** The URI, or the last part of a standard one. */
  readonly type: string;
  readonly status: number;
  readonly instance: string | null;
  readonly title?: string;
  /** Text, or `/pattern/`. */
  readonly detail?: string;
}

export interface Expected {
  readonly status?: string;
  readonly output?: Json;
  readonly context?: Json;
  readonly error?: ExpectedError;
  /** The whole history, a line per fact; see `check.ts`. */
  readonly history?: readonly string[];
  /** Names of the tasks in the order they started. */
  readonly order?: readonly string[];
  /** Simulated time from start to end: a duration. */
  readonly elapsed?: Json;
  /** Milliseconds of each retry's delay. */
  readonly retries?: readonly number[];
  /** Each request that arrived: `on`, and those headers and that body if given. */
  readonly requests?: readonly JsonObject[];
  /** Attributes of each event emitted. */
  readonly events?: readonly JsonObject[];
  /** `name status` of each child workflow, in the order they started. */
  readonly children?: readonly string[];
  /** The definition is refused: `code path` of each issue. */
  readonly refused?: readonly string[];
}

export interface Case {
  /** Path below the folder, with the case's name. */
  readonly file: string;
  readonly name: string;
  /** Rows of docs/conformance.md that this case pins down. */
  readonly decisions: readonly string[];
  readonly definition: JsonObject;
  /** What the definition takes from outside, by id. */
  readonly outside: Resources;
  readonly input: Json;
  readonly servers: Readonly<Record<string, readonly ScriptedReply[]>>;
  /** What its subscriptions bring. */
  readonly messages: readonly ScriptedMessage[];
  /** What the tenant has. */
  readonly secrets: JsonObject;
  readonly commands: readonly PlannedCommand[];
  readonly events: readonly PlannedEvent[];
  readonly children: readonly JsonObject[];
  /** What the engine's randomness gives, over and over. */
  readonly random: readonly number[];
  readonly expect: Expected;
}

// biome-ignore format: plain enumerations
const KEYS = {
  file: ["about", "cases"],
  case: [
    "name", "decision", "definition", "outside", "input", "servers", "messages", "secrets", "commands", "events", "children", "random",
    "expect",
  ],
  expect: [
    "status", "output", "context", "error", "history", "order", "elapsed", "retries", "requests", "events", "children",
    "refused",
  ],
  message: ["message", "error", "end", "after"],
  reply: ["on", "status", "headers", "body", "text", "after"],
  command: ["at", "send", "reason", "from", "input"],
  error: ["type", "status", "instance", "title", "detail"],
};

/** All cases, in the order of their files. */
export function readCases(folder = CASES_FOLDER): readonly Case[] {
  return globSync(join(folder, "**/*.yaml"))
    .toSorted()
    .map((file) => relative(folder, file))
    .filter((file) => file.includes("/"))
    .flatMap((file) => readFile(folder, file));
}

function readFile(folder: string, file: string): readonly Case[] {
  const parsed = parseYaml(readFileSync(join(folder, file), "utf8"), { file });
  assert.deepEqual(parsed.issues, [], file);
  const content = only(parsed.value, KEYS.file, file);
  assert.ok(Array.isArray(content.cases) && content.cases.length > 0, `${file}: no cases`);
  return (content.cases as readonly Json[]).map((item) => readCase(item, file));
}

function readCase(item: Json, file: string): Case {
  const given = only(item, KEYS.case, file);
  const { name } = given;
  assert.ok(typeof name === "string", `${file}: a case without a name`);
  const where = `${file}: ${name}`;
  const expect = only(given.expect, KEYS.expect, where);
  assert.ok(expect.refused !== undefined || expect.status !== undefined, `${where}: no status`);
  if (expect.error !== undefined) only(expect.error, KEYS.error, where);
  const servers = (given.servers ?? {}) as Case["servers"];
  for (const reply of Object.values(servers).flat())
    only(reply as unknown as Json, KEYS.reply, where);
  const messages = (given.messages ?? []) as readonly Json[];
  for (const message of messages) only(message, KEYS.message, where);
  const commands = (given.commands ?? []) as readonly Json[];
  for (const command of commands) only(command, KEYS.command, where);
  const { decision = [] } = given;
  return {
    file,
    name,
    decisions: (Array.isArray(decision) ? decision : [decision]) as readonly string[],
    definition: withDocument(given.definition, "main"),
    outside: (given.outside ?? {}) as Resources,
    input: given.input ?? {},
    servers,
    messages: messages as unknown as readonly ScriptedMessage[],
    secrets: (given.secrets ?? {}) as JsonObject,
    commands: commands as unknown as readonly PlannedCommand[],
    events: ((given.events ?? []) as readonly Json[]).map(eventOf),
    children: ((given.children ?? []) as readonly Json[]).map((each) =>
      withDocument(each, "child"),
    ),
    random: (given.random ?? [0.5]) as readonly number[],
    expect,
  };
}

/** The attributes an event must have are filled in: `id` is `e1`, `e2`, … */
function eventOf(value: Json, index: number): PlannedEvent {
  assert.ok(isObject(value));
  const { at = "PT0S", ...event } = value;
  const defaults = { specversion: "1.0", id: `e${index + 1}`, source: "/test" };
  return { at, event: { ...defaults, ...event } };
}

/** A definition without `document` gets one. */
function withDocument(value: Json | undefined, name: string): JsonObject {
  assert.ok(value !== undefined && isObject(value));
  const document = { dsl: "1.0.3", namespace: "test", name, version: "1.0.0" };
  return { document, ...value };
}

/** A key that nobody reads would let a case pass for the wrong reason. */
function only(value: Json | undefined, keys: readonly string[], where: string): JsonObject {
  assert.ok(value !== undefined && isObject(value), `${where}: expected an object`);
  for (const key of Object.keys(value)) assert.ok(keys.includes(key), `${where}: key "${key}"?`);
  return value;
}
