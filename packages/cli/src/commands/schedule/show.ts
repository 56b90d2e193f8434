/** `millrace schedule list | get | decisions`. */
import type { Schedule, ScheduleDecision } from "@millrace/sdk";
import { type Format, readWorkflowName } from "../../arguments.ts";
import { type ClientOptions, connect } from "../../client.ts";
import { CommandError, EXIT } from "../../exit.ts";
import { instant, plain, print, printJson, table } from "../../output.ts";
import { take } from "../list.ts";
import { standing } from "./change.ts";

interface Options extends ClientOptions {
  readonly limit: number;
  readonly output: Format;
}

/** Most rows that the server gives at once. */
const PAGE = 500;

export async function listSchedules(
  options: Options & { readonly workflow?: string; readonly paused?: true; readonly active?: true },
): Promise<void> {
  const { workflow, paused, active, limit } = options;
  if (paused && active) throw new CommandError("--paused and --active: give one", EXIT.invalid);
  const { namespace, name } = workflow === undefined ? {} : readWorkflowName(workflow);
  const rows = await take(
    connect(options).schedules.list({
      ...(namespace === undefined ? {} : { namespace }),
      ...(name === undefined ? {} : { workflow: name }),
      ...(paused || active ? { paused: paused === true } : {}),
      limit: pageOf(limit),
    }),
    limit,
  );
  if (options.output === "json") return printJson(rows);
  const cells = rows.map((schedule) => [
    schedule.name,
    workflowOf(schedule),
    triggerOf(schedule),
    schedule.spec.timeZone ?? "UTC",
    standing(schedule),
  ]);
  print(table(["name", "workflow", "trigger", "time zone", "state"], cells, "no schedules"));
}

function pageOf(limit: number): number {
  return Math.min(PAGE, Math.max(1, limit));
}

function workflowOf({ spec: { workflow } }: Schedule): string {
  const version = workflow.version === undefined ? "" : `@${workflow.version}`;
  return `${workflow.namespace}/${workflow.name}${version}`;
}

function triggerOf({ spec: { cron, every, after } }: Schedule): string {
  if (cron !== undefined) return cron;
  if (every !== undefined) return `every ${every}`;
  return after === undefined ? "on events" : `after ${after}`;
}

export async function getSchedule(
  name: string,
  options: ClientOptions & { readonly output: Format },
): Promise<void> {
  const schedule = await connect(options).schedules.get(name);
  if (options.output === "json") return printJson(schedule);
  const { on, read } = schedule.spec;
  const policies = Object.entries(schedule.spec).filter(([key]) => !TOLD.has(key));
  const facts = [
    ["Name", schedule.name],
    ["Id", schedule.id],
    ["Workflow", workflowOf(schedule)],
    ["Trigger", on === undefined ? triggerOf(schedule) : `on ${JSON.stringify(on)}`],
    ...(on === undefined ? [] : [["Read", read ?? "data"]]),
    ["State", standing(schedule)],
    ["Made", `${instant(schedule.createdAt)} by ${MAKERS[schedule.source]}`],
    ["Changed", instant(schedule.updatedAt)],
    ["Running", schedule.running.map(({ instanceId }) => instanceId).join(", ") || "nothing"],
    ["Waiting", String(schedule.buffered)],
    ["Backfills", String(schedule.backfills.length)],
    ["Failures", `${schedule.failures} in a row`],
    ...policies.map(([key, value]) => [key, textOf(value)]),
  ];
  const width = Math.max(...facts.map(([key = ""]) => key.length)) + 2;
  print(facts.map(([key = "", value = ""]) => key.padEnd(width) + plain(value)).join("\n"));
}

/** What the lines above the policies say. */
const TOLD = new Set(["workflow", "cron", "every", "after", "on", "read"]);
const MAKERS = { api: "a user", definition: "the definition of its workflow" } as const;

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export async function listDecisions(
  name: string,
  options: Options & { readonly outcome?: ScheduleDecision["outcome"] },
): Promise<void> {
  const { outcome, limit } = options;
  const filter = { ...(outcome === undefined ? {} : { outcome }), limit: pageOf(limit) };
  const rows = await take(connect(options).schedules.decisions(name, filter), limit);
  if (options.output === "json") return printJson(rows);
  const cells = rows.map((decision) => [
    stretch(decision),
    decision.origin,
    decision.outcome,
    decision.instanceId ?? [decision.reason, decision.detail].filter(Boolean).join(": "),
    instant(decision.at),
  ]);
  const headings = ["time", "origin", "outcome", "instance or reason", "decided"];
  print(table(headings, cells, "nothing decided yet"));
}

/** A time, or the first and last of several with how many they are. */
function stretch({ nominal, until, count }: ScheduleDecision): string {
  if (until === undefined) return instant(nominal);
  return `${instant(nominal)} to ${instant(until)}${count === undefined ? "" : ` (${count})`}`;
}
