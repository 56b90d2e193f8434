/** What a waiting instance waits for, and what is known of a faulted one: for those who describe it. */
import { failedTask, isTerminal, type Kept, type State } from "@millrace/engine";
import { isObject, type Program } from "@millrace/language";
import type { Pool } from "pg";
import { workflowOf } from "../owner/instance-row.ts";
import { isRemote } from "../activities/executor.ts";
import type { Delivery } from "../owner/dispatcher.ts";
import { readOpen } from "../owner/open-activities.ts";
import type { Programs } from "../owner/programs.ts";
import type { InstanceView } from "../runtime.ts";
import type { Ref } from "../payloads/spill.ts";
import type { InstanceRow } from "../store/store.ts";
import type { Fault, Progress, WaitingFor } from "./described.ts";
import { nextStep } from "./hints.ts";
import { isShown, readInstance, type Reading, stateOf, viewOfState } from "./instances.ts";
import { type ActivityTarget, targetOf } from "./targets.ts";

type Frame = State["frames"][string];

/** Waits that are shown; an instance may have many thousands. */
const MOST = 200;

/** What stands beside a state. */
export interface Beside {
  /** Of open activities, by their id. */
  readonly activities: ReadonlyMap<string, OpenOutside>;
  /** The child instances, by the id their parent gave them. */
  readonly children: ReadonlyMap<string, string>;
  readonly program?: Program | undefined;
}
export interface OpenOutside extends ActivityTarget {
  readonly attempt: number;
  readonly type: string;
  readonly progress?: Progress;
}

/** @throws {RuntimeError} `not-found` @throws {PayloadError} */
export async function describeInstance(
  { programs, ...reading }: Reading & { readonly programs: Programs },
  id: string,
): Promise<InstanceView> {
  const { pool } = reading;
  const row = await readInstance(pool, id);
  // Of what has faulted, the failed task's input is shown, which may stand in any frame around it.
  const state = await stateOf(reading, row, row.status === "faulted" ? undefined : isDescribed);
  const view = viewOfState(row, state);
  if (isTerminal(state.status)) {
    const fault = faultOf(state);
    return fault === undefined ? view : { ...view, fault };
  }
  const listens = Object.values(state.frames).some(({ kind }) => kind === "listen");
  const program = listens ? await programs.get(workflowOf(row)) : undefined;
  return { ...view, waitingFor: waitsOf(state, { ...(await besideOf(pool, row)), program }) };
}

/** What is shown, and what events are waited for. */
function isDescribed(path: Ref["path"]): boolean {
  return isShown(path) || path.includes("strategy");
}

async function besideOf(pool: Pool, row: InstanceRow): Promise<Beside> {
  const { id, partition, activities: column } = row;
  const values = [partition, id, MOST];
  const apart = await pool.query<{ attempt: number; request: string }>({
    name: "activities-of",
    text: `SELECT attempt, request FROM activities
           WHERE partition = $1 AND instance_id = $2 ORDER BY activity_id LIMIT $3`,
    values,
  });
  const children = await pool.query<{ child_id: string; child_instance_id: string }>({
    name: "children-of",
    text: `SELECT child_id, child_instance_id FROM children
           WHERE partition = $1 AND parent_id = $2 ORDER BY child_id LIMIT $3`,
    values,
  });
  const inTable = apart.rows.map(({ request, attempt }) => ({
    request: JSON.parse(request) as Delivery["request"],
    attempt,
  }));
  const open = [...readOpen(column).values(), ...inTable];
  const remote = open.some(({ request }) => isRemote(request));
  const progress = remote ? await progressOf(pool, row) : undefined;
  return {
    activities: new Map(
      open.map(({ request, attempt }) => {
        const { activityId, idempotencyKey, type, input } = request;
        const known = progress?.get(idempotencyKey);
        const far = known === undefined ? {} : { progress: known };
        // A large input is not in the row: its place holds null.
        const target = isObject(input) ? targetOf(type, input) : {};
        return [activityId, { attempt, type, ...target, ...far }];
      }),
    ),
    children: new Map(children.rows.map((each) => [each.child_id, each.child_instance_id])),
  };
}

/** By the activity's idempotency key. */
async function progressOf(
  pool: Pool,
  { id, partition }: InstanceRow,
): Promise<ReadonlyMap<string, Progress>> {
  const { rows } = await pool.query<{
    chain: string;
    percent: number | null;
    note: string | null;
    at: string;
  }>({
    name: "progress-of",
    text: `SELECT chain, percent, note, at FROM activity_checkpoints
           WHERE partition = $1 AND instance_id = $2 AND number > 0 ORDER BY at DESC LIMIT $3`,
    values: [partition, id, MOST],
  });
  return new Map(
    rows.map(({ chain, percent, note, at }) => [
      chain,
      {
        ...(percent === null ? {} : { percent }),
        ...(note === null ? {} : { note }),
        at: Number(at),
      },
    ]),
  );
}

/** In the order in which the waits began; the workflow's own timeout last. */
export function waitsOf(state: State, beside: Beside): readonly WaitingFor[] {
  const frames = Object.values(state.frames).toSorted((a, b) => Number(a.id) - Number(b.id));
  return frames.flatMap((frame) => waitOf(frame, state, beside)).slice(0, MOST);
}

function waitOf(frame: Frame, state: State, beside: Beside): readonly WaitingFor[] {
  const { ref: task, id, startedAt: since } = frame;
  const giveUpAt = nearestTimeout(state, frame);
  const base = { task, name: nameOf(task), since };
  const limited = { ...base, ...(giveUpAt === undefined ? {} : { giveUpAt }) };
  switch (frame.kind) {
    case "activity":
      return [{ kind: "activity", ...limited, ...beside.activities.get(id) }];
    case "subscription": {
      if (frame.item !== undefined) return [];
      const until = frame.closesAt === undefined ? {} : { until: frame.closesAt };
      return [{ kind: "message", ...limited, ...until, ...beside.activities.get(id) }];
    }
    case "wait":
      return [
        { kind: "timer", ...limited, ...(frame.until === undefined ? {} : { until: frame.until }) },
      ];
    case "try": {
      if (frame.phase !== "delay" || frame.retryAt === undefined) return [];
      return [{ kind: "retry", ...limited, until: frame.retryAt, attempt: frame.attempt + 1 }];
    }
    case "child": {
      const instanceId = beside.children.get(id);
      return [{ kind: "child", ...limited, ...(instanceId === undefined ? {} : { instanceId }) }];
    }
    case "listen":
      if (frame.item !== undefined) return [];
      return [{ kind: "event", ...limited, events: eventsOf(frame, beside.program) }];
    default:
      return [];
  }
}

/** The filters that still want an event, and the values they expect. */
function eventsOf(
  { ref, strategy }: Extract<Frame, { kind: "listen" }>,
  program: Program | undefined,
): NonNullable<WaitingFor["events"]> {
  const node = program?.nodes.get(ref);
  if (node?.kind !== "listen") return [];
  const { filters, until } = node.to;
  const ending = typeof until === "object" && "filters" in until ? until.filters : [];
  return [...filters, ...ending].flatMap(({ type, source, correlate }, number) => {
    if (strategy.filled?.includes(number) === true) return [];
    const expected = correlate.flatMap(({ name }) => {
      const value = strategy.own?.[number]?.[name] ?? strategy.fixed?.[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    const correlation = expected.length === 0 ? {} : { correlation: Object.fromEntries(expected) };
    return [{ ...(type && { type }), ...(source && { source }), ...correlation }];
  });
}

function nearestTimeout(state: State, frame: Frame): number | undefined {
  let nearest = state.timeoutAt;
  for (let up: Frame | undefined = frame; up !== undefined; up = state.frames[up.parent ?? ""])
    if (up.timeoutAt !== undefined) nearest = Math.min(up.timeoutAt, nearest ?? up.timeoutAt);
  return nearest;
}

/** The last step of a task's reference. */
function nameOf(reference: string): string {
  const last = reference.split("/").at(-1) ?? "";
  return last.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** Undefined for what is not faulted. */
export function faultOf(state: State): Fault | undefined {
  const { id, status, error, kept } = state;
  if (status !== "faulted" || error === undefined) return undefined;
  const failed = failedTask(state);
  const task = failed === undefined ? {} : { ...failed, name: nameOf(failed.task) };
  const retryable =
    kept !== undefined && !("tooLarge" in kept) && Object.keys(kept.frames).length > 0;
  const named = kept !== undefined && !("tooLarge" in kept) && isAboutNoTask(kept);
  return {
    ...task,
    error,
    hint: nextStep(id, error, { retryable, named, child: state.parent !== undefined }),
  };
}

/** The workflow's own output failed: a retry has to name the task it goes on from. */
function isAboutNoTask({ frames, failed }: Kept): boolean {
  return frames[failed ?? ""]?.kind === "root" || Object.keys(frames).length === 1;
}
