/** Planted bugs in schedules: the simulator finds them. */
import type { Killer, Mutant } from "./mutant.ts";

const OWNER = "packages/server/src/owner";
const SCHEDULER = "packages/server/src/scheduler";
const simulator: Killer = { kind: "simulator", seeds: 2000 };

export const SCHEDULE_MUTANTS: readonly Mutant[] = [
  {
    name: "schedule-not-advanced",
    breaks: "what was decided is forgotten: a change of the schedule decides it again",
    edits: [
      {
        file: `${SCHEDULER}/due.ts`,
        find: "draft.change({ decided: nominal, next: next || undefined });",
        replace: "draft.change({ next: next || undefined });",
      },
    ],
    killer: simulator,
  },
  {
    name: "schedule-instance-without-its-time",
    breaks: "all instances of a schedule have one id, so only the first starts",
    edits: [
      {
        file: `${SCHEDULER}/ids.ts`,
        find: "JSON.stringify([id, createdAt, nominal, key ?? null])",
        replace: "JSON.stringify([id, createdAt, key ?? null])",
      },
      {
        file: `${SCHEDULER}/ids.ts`,
        find: "Math.max(0, nominal), digest",
        replace: "0, digest",
      },
    ],
    killer: simulator,
  },
  {
    name: "schedule-not-told-of-the-end",
    breaks: "a schedule waits for ever for the end of what it started",
    edits: [
      {
        file: `${OWNER}/reports.ts`,
        find: "  reportToSchedule(state.schedule, state.id, state.status as EndStatus, context);\n",
        replace: "",
      },
    ],
    killer: simulator,
  },
  {
    name: "schedule-fires-by-the-node",
    breaks: "the database does not look whether a schedule's time has come by its own clock",
    edits: [
      {
        file: `${OWNER}/builder.ts`,
        find: "    this.latestDue = Math.max(this.latestDue, fireAt);\n",
        replace: "",
      },
      {
        file: `${OWNER}/timers.ts`,
        find: "if (next.fireAt > now) break;",
        replace: "if (next.fireAt > now + 20_000) break;",
      },
      {
        file: `${SCHEDULER}/due.ts`,
        find: "next !== undefined && next.dueAt <= draft.now;",
        replace: "next !== undefined && next.dueAt <= draft.now + 20_000;",
      },
    ],
    killer: simulator,
  },
  {
    name: "schedule-timer-not-set-again",
    breaks: "a schedule whose time was passed over is not looked at again",
    edits: [
      {
        file: `${OWNER}/decide-schedule.ts`,
        find: "    if (wakeAt !== undefined) batch.timers.add(",
        replace:
          '    if (wakeAt !== undefined && !(revision > 0 && state?.spec.overlap === "skip" && state.running.length > 0)) batch.timers.add(',
      },
    ],
    killer: simulator,
  },
  {
    name: "schedule-buffer-not-worked-off",
    breaks: "what waits for the end of what runs waits for ever",
    edits: [
      {
        file: `${SCHEDULER}/ended.ts`,
        find: "  workOff(draft);\n",
        replace: "",
      },
    ],
    killer: simulator,
  },
  {
    name: "schedule-overlap-blind",
    breaks: "a trigger by hand is not counted among what runs",
    edits: [
      {
        file: `${SCHEDULER}/draft.ts`,
        find: "    if (report && !known)",
        replace: '    if (report && !known && origin !== "trigger")',
      },
    ],
    killer: simulator,
  },
  {
    name: "schedule-resumed-without-a-word",
    breaks: "times that came during a pause are on no record",
    edits: [
      {
        file: `${SCHEDULER}/change.ts`,
        find: '  passOver(draft, "paused");\n  draft.change({ decided: latest',
        replace: "  draft.change({ decided: latest",
      },
    ],
    killer: simulator,
  },
  {
    name: "schedule-change-drops-what-is-put-off",
    breaks: "a time that waits for its jitter is lost when the schedule is changed",
    edits: [
      {
        file: `${SCHEDULER}/change.ts`,
        find: 'trigger.kind === "after" ? nextOf(draft) : draft.times.next(draft.state, decided)',
        replace:
          'trigger.kind === "after" || draft.now < decided ? nextOf(draft) : draft.times.next(draft.state, draft.now)',
      },
    ],
    killer: simulator,
  },
  {
    name: "schedule-trigger-by-instant",
    breaks: "two requests with one key that do not see each other start two instances",
    edits: [
      {
        file: `${SCHEDULER}/decide.ts`,
        find: "  if (known !== undefined) return known.at;\n",
        replace: "",
      },
    ],
    killer: simulator,
  },
  {
    name: "schedule-cancels-before-it-starts",
    breaks:
      "what one decision starts and takes back is cancelled before it is there, so it runs on",
    edits: [
      {
        file: `${OWNER}/decide-schedule.ts`,
        find: "  for (const { instanceId, occasion, report, spec } of starts) {",
        replace: `  for (const instanceId of cancels) send(instanceId, { command }, sending, batch, after);
  for (const { instanceId, occasion, report, spec } of starts) {`,
      },
      {
        file: `${OWNER}/decide-schedule.ts`,
        find: `  // One decision may start an instance and cancel it for a later time.
  for (const instanceId of cancels) send(instanceId, { command }, sending, batch, after);
`,
        replace: "",
      },
    ],
    killer: simulator,
  },
];
