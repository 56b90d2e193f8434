/** Schedules on the wire: from the scheduler's values (epoch milliseconds) to RFC 3339 and ISO 8601. */
import type {
  PreviewedTime,
  Schedule,
  ScheduleDecision,
  SchedulePreview,
} from "@millrace/protocol";
import type { ScheduleDecision as Decision, ScheduleSpec } from "../scheduler/schedule.ts";
import type { Excluded, PreviewedTime as Time, ScheduleView } from "../scheduler/service.ts";
import { clockAt, nextNominal, type TimeZone, timeZone } from "../scheduler/times/index.ts";
import { writeSpec } from "../scheduler/write-spec.ts";
import { instant } from "./wire.ts";

export function schedule(view: ScheduleView): Schedule {
  const { name, id, source, spec, paused, next, running, buffer, backfills, failures, payloads } =
    view;
  return {
    name,
    id,
    source,
    createdAt: instant(view.createdAt),
    updatedAt: instant(view.updatedAt),
    spec: writeSpec(spec),
    ...(paused === undefined ? {} : { paused: { ...paused, at: instant(paused.at) } }),
    ...(next === undefined || paused !== undefined
      ? {}
      : { next: { ...times(next), ...excluded(next) } }),
    running: running.map(({ instanceId, nominal }) => ({ instanceId, nominal: instant(nominal) })),
    buffered: buffer.length,
    backfills: backfills.map((backfill) => ({
      ...backfill,
      after: instant(backfill.after),
      until: instant(backfill.until),
    })),
    failures,
    ...(payloads === undefined ? {} : { payloads: [...payloads] }),
  };
}

export function preview(spec: ScheduleSpec, items: readonly Time[]): SchedulePreview {
  const zone = timeZone(spec.timeZone);
  return { timeZone: spec.timeZone, items: items.map((time) => previewedTime(spec, zone, time)) };
}

function previewedTime(spec: ScheduleSpec, zone: TimeZone, time: Time): PreviewedTime {
  const { local, shift } = clockAt(zone, time.nominal);
  const moved = shift === "afterGap" && isMoved(spec, time.nominal);
  return {
    ...times(time),
    local,
    ...excluded(time),
    ...(shift === undefined ? {} : { shift: moved ? "movedOutOfGap" : shift }),
  };
}

/** Whether the time is there only because others fell into the gap that ends with it. */
function isMoved(spec: ScheduleSpec, nominal: number): boolean {
  const plain = { ...spec, anchor: nominal, dstGap: "skip" } as const;
  return spec.trigger.kind === "cron" && nextNominal(plain, nominal - 1)?.nominal !== nominal;
}

function excluded({ excluded, calendar }: Excluded): Excluded {
  return { excluded, ...(calendar === undefined ? {} : { calendar }) };
}

function times({ nominal, dueAt }: { readonly nominal: number; readonly dueAt: number }) {
  return { nominal: instant(nominal), dueAt: instant(dueAt) };
}

export function decision(made: Decision): ScheduleDecision {
  const { origin, nominal, until, count, outcome, reason, instanceId, detail, at } = made;
  return {
    origin,
    nominal: instant(nominal),
    ...(until === undefined ? {} : { until: instant(until) }),
    ...(count === undefined ? {} : { count }),
    outcome,
    ...(reason === undefined ? {} : { reason }),
    ...(instanceId === undefined ? {} : { instanceId }),
    ...(detail === undefined ? {} : { detail }),
    at: instant(at),
  };
}
