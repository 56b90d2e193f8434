/**
 * What has to hold of schedules: checked at each commit that touches one, from what was committed alone. When times are due
 * is reckoned here by `timesBetween`, not by what the server says.
 */
import type {
  Batch,
  DecisionRow,
  InboxRow,
  InstanceRow,
  Occasion,
  ScheduleSpec,
  ScheduleState,
} from "@millrace/server/ports";
import { isTerminal, type State } from "@millrace/engine";
import { sightSchedule } from "./schedule-sightings.ts";
import { isExcluded, LONGEST_JITTER, timesBetween } from "./schedule-specs.ts";
import type { Surroundings } from "./surroundings.ts";

/** A schedule from its creation to its deletion: one made anew under its name is another. */
export interface Life {
  readonly state: ScheduleState;
  /** At the commit before the last. */
  readonly before?: ScheduleState;
  /** Times that were decided. */
  readonly times: Set<number>;
  /** The last word on each time, by time and key. */
  readonly decisions: Map<string, DecisionRow>;
  /** Backfills that were asked for, with the spec at the time. */
  readonly backfills: Map<string, Backfilled>;
}

interface Backfilled {
  /** Nominal times after this … */
  readonly after: number;
  /** … up to and including this. */
  readonly until: number;
  readonly spec: ScheduleSpec;
}

/** A start that a schedule has sent. */
interface Sent {
  readonly token: string;
  readonly scheduleId: string;
  readonly occasion: string;
  /** The workflow's name. */
  readonly of: string;
}

/** Milliseconds within which each node has seen that the clock was set, unless it halts. */
const NOTICED = 40_000;

/** With these no two instances are live at once that the schedule started by itself. */
const SERIAL = new Set(["skip", "bufferOne", "bufferAll", "cancelOther"]);

export class ScheduleChecks {
  readonly lives = new Map<string, Life>();
  readonly past: Life[] = [];
  /** By instance. */
  readonly sent = new Map<string, Sent>();
  /** Instances that a schedule had cancelled. */
  readonly cancelled = new Set<string>();
  readonly #byOccasion = new Map<string, string>();
  /** When the last instance of a schedule ended, and what started it, by schedule. */
  readonly #lastEnd = new Map<string, { readonly at: number; readonly trigger: string }>();
  readonly #around: () => Surroundings;

  constructor(around: () => Surroundings) {
    this.#around = around;
  }

  committed(batch: Batch): void {
    for (const row of batch.decisions) this.#record(row);
    for (const { id } of batch.deletedSchedules) this.#over(id);
    const { database, met } = this.#around();
    if (batch.schedules.some(({ state }) => state.includes('"$refs"')))
      met("a schedule had a large value");
    const states = batch.schedules.map((row) => database.scheduleOf(row));
    for (const state of states) this.#changed(state, batch);
    for (const mail of batch.sent) this.#mail(mail);
    for (const row of batch.decisions) this.#started(row, batch);
    for (const state of states) this.#awake(state);
    for (const row of [...batch.created, ...batch.updated])
      if (isTerminal(row.status)) this.#ended(row);
  }

  /** What is on record of a time is told when it is decided; what replaces it comes later. */
  #record(row: DecisionRow): void {
    const life = this.lives.get(row.scheduleId);
    const { origin, nominal, key, until = "", reason = "", instanceId = "" } = row;
    const what = `${origin} ${nominal} ${key} ${until} ${row.outcome} ${reason}`;
    this.#around().trace(`db: ${life?.state.name} decides ${what} ${instanceId.slice(-6)}`);
    if (life !== undefined) note(life, row);
  }

  #over(id: string): void {
    const life = this.lives.get(id);
    if (life !== undefined) this.past.push(life);
    this.lives.delete(id);
    this.#lastEnd.delete(id);
  }

  #changed(state: ScheduleState, batch: Batch): void {
    const { violation, trace } = this.#around();
    const { id, name } = state;
    const known = this.lives.get(id);
    if (known !== undefined && known.state.token !== state.token) this.#over(id);
    const before = this.lives.get(id);
    const none = { times: new Set<number>(), decisions: new Map(), backfills: new Map() };
    const life: Life = before ?? { state, ...none };
    this.lives.set(id, {
      ...life,
      state,
      ...(before === undefined ? {} : { before: before.state }),
    });
    for (const { id: request, after, until } of state.backfills)
      if (!life.backfills.has(request))
        life.backfills.set(request, { after, until, spec: state.spec });
    if (before === undefined) {
      trace(`db: ${name} is made ${JSON.stringify(state.spec)}`);
      for (const row of batch.decisions) if (row.scheduleId === id) note(life, row);
      return;
    }
    trace(`db: ${name} ${shown(state)}`);
    sightSchedule(before.state, state, this.#around());
    if (JSON.stringify(before.state.spec.trigger) !== JSON.stringify(state.spec.trigger))
      this.#lastEnd.delete(id);
    if (state.decided < before.state.decided && state.spec.trigger.kind !== "after")
      violation(`schedule ${name}: what was decided is not any more`);
    const wrong = undecided(before.state, state, life);
    if (wrong !== undefined) violation(`schedule ${name}: ${wrong}`);
  }

  /** A start, or a cancellation, that a schedule sends. */
  #mail({ instanceId, command }: InboxRow): void {
    const { violation } = this.#around();
    const { command: sent, workflow } = JSON.parse(command) as SentMail;
    if (sent.reason === "the schedule starts another" && !this.sent.has(instanceId))
      violation(`${instanceId} is cancelled before it is started`);
    if (sent.kind === "cancel" && this.sent.has(instanceId)) this.cancelled.add(instanceId);
    if (sent.kind !== "start" || sent.schedule === undefined) return;
    const { id, occasion } = sent.schedule;
    const token = this.lives.get(id)?.state.token ?? this.past.at(-1)?.state.token ?? "";
    const { origin, nominal, key } = occasion;
    // By a key, whenever it was used.
    const named = JSON.stringify(
      origin === "trigger" || origin === "event"
        ? [id, token, key]
        : [id, token, nominal, key ?? ""],
    );
    const other = this.#byOccasion.get(named);
    if (other !== undefined && other !== instanceId)
      violation(`${named} was started as ${other} and as ${instanceId}`);
    const known = this.sent.get(instanceId);
    if (known !== undefined && known.occasion !== named)
      violation(`${instanceId} stands for ${known.occasion} and for ${named}`);
    this.#byOccasion.set(named, instanceId);
    this.sent.set(instanceId, { token, scheduleId: id, occasion: named, of: workflow?.name ?? "" });
  }

  #started(row: DecisionRow, batch: Batch): void {
    const { origin, outcome, scheduleId, instanceId = "", nominal } = row;
    const { violation, time } = this.#around();
    const life = this.lives.get(scheduleId);
    const { decided = nominal, spec: { trigger } = { trigger: { kind: "after" } } } =
      life?.state ?? {};
    if (origin === "time" && trigger.kind !== "after" && nominal > decided)
      violation(`schedule ${life?.state.name}: ${nominal} is on record, and still to be decided`);
    if (outcome !== "started" || origin !== "time" || life === undefined) return;
    const { spec, name } = life.state;
    const dueAt = dueAtOf(batch, instanceId);
    if (dueAt === undefined) return violation(`schedule ${name}: ${instanceId} is not sent`);
    const waited = life.before?.buffer.some((each) => each.nominal === nominal) === true;
    const jitter = waited ? LONGEST_JITTER : Math.max(spec.jitter, life.before?.spec.jitter ?? 0);
    if (dueAt < nominal || dueAt > nominal + jitter)
      violation(`schedule ${name}: ${nominal} is due at ${dueAt}`);
    // By a timer the database has looked itself; a request is decided by what a node takes for the time.
    if (dueAt > time.highest)
      violation(`schedule ${name}: started ${dueAt - time.highest} ms before its time`);
    if (this.#isNone(life, nominal)) violation(`schedule ${name}: ${nominal} is no time of it`);
    if (life.before?.running.length === 0) this.#afterEnd(life.state);
    const serial = [life.before?.spec ?? spec, spec].every((each) => SERIAL.has(each.overlap));
    if (serial) this.#alone(life.state, instanceId);
  }

  /** No time of the schedule as it was before or is now, nor one that waited; or one on an excluded day. */
  #isNone({ state, before }: Life, nominal: number): boolean {
    if (before === undefined || state.spec.trigger.kind === "after") return false;
    if (before.buffer.some((each) => each.nominal === nominal)) return false;
    const of = [before, state].filter(
      (each) =>
        each.spec.trigger.kind === "after" ||
        timesBetween(each, nominal - 1, nominal).includes(nominal),
    );
    return of.every(({ spec }) => isExcluded(spec, nominal));
  }

  #ended({ id, state }: InstanceRow): void {
    const { loop } = this.#around();
    const sent = this.sent.get(id);
    const life = sent === undefined ? undefined : this.lives.get(sent.scheduleId);
    if (sent === undefined || life?.state.token !== sent.token || !reports(state)) return;
    if (this.#isRetried(id)) return;
    const trigger = JSON.stringify(life.state.spec.trigger);
    this.#lastEnd.set(sent.scheduleId, { at: loop.now, trigger });
  }

  /** Unless time was skipped as the clock was set forward, which nodes notice a while later; set back, it makes it longer. */
  #afterEnd({ id, name, spec: { trigger } }: ScheduleState): void {
    const { loop, time, plan, violation } = this.#around();
    const end = this.#lastEnd.get(id);
    if (trigger.kind !== "after" || end?.trigger !== JSON.stringify(trigger)) return;
    if (time.setForwardAt > end.at - NOTICED) return;
    const passed = loop.now - end.at;
    // What a node takes for the time lags behind by as long as it halted while it asked.
    const slack = 1000 + plan.longestPause;
    if (passed < trigger.milliseconds - slack)
      violation(`schedule ${name}: starts ${passed} ms after the end of the last`);
  }

  /** Nothing else that the schedule started, and waits for, is live. */
  #alone({ id, name, token }: ScheduleState, started: string): void {
    const { database, violation } = this.#around();
    for (const [instanceId, sent] of this.sent) {
      if (sent.scheduleId !== id || sent.token !== token || instanceId === started) continue;
      const row = database.instances.get(instanceId);
      // One that had ended and was retried is the business of who did it.
      if (row === undefined || isTerminal(row.status) || this.#isRetried(instanceId)) continue;
      if (reports(row.state))
        violation(`schedule ${name}: ${started} starts while ${instanceId} is ${row.status}`);
    }
  }

  #isRetried(id: string): boolean {
    const facts = this.#around().database.history.get(id) ?? [];
    return facts.some(({ kind }) => kind === "workflow.retried");
  }

  /** A schedule that has something to come has its timer, and no other. */
  #awake({ id, name, paused, next, backfills, buffer, running, spec }: ScheduleState): void {
    const { database, violation } = this.#around();
    const timer = database.timers.get(`${id}/S`);
    const [first] = backfills;
    const goesOn = first !== undefined && (first.overlap === "allow" || buffer.length === 0);
    const due = paused === undefined ? next?.dueAt : undefined;
    const wrong = (what: string): void => violation(`schedule ${name}: ${what}`);
    if (timer === undefined && (goesOn || due !== undefined)) wrong("nothing wakes it");
    if (timer !== undefined && !goesOn && due === undefined) wrong("it is woken for nothing");
    if (!goesOn && timer !== undefined && timer.fireAt !== due)
      wrong("it is woken at another time");
    if (backfills.length > 0 && !goesOn && running.length === 0) wrong("its backfill hangs");
    if (buffer.length > 0 && running.length === 0) wrong("what waits is not started");
    const listens = database.waits.subscriptions.has(`${id}/on`);
    const open = paused === undefined && spec.trigger.kind === "on";
    if (listens !== open && (listens || spec.endAt === undefined)) wrong(`it listens: ${listens}`);
    if (spec.trigger.kind !== "after" || paused !== undefined || next !== undefined) return;
    if (running.length === 0 && spec.endAt === undefined) wrong("it waits for no end");
  }
}

/** Whether an instance is to tell its schedule of its end. */
function reports(state: string): boolean {
  const { schedule } = JSON.parse(state) as Pick<State, "schedule">;
  return schedule?.report === true;
}

interface SentMail {
  readonly command: SentCommand;
  readonly workflow?: { readonly name: string };
}
interface SentCommand {
  readonly kind: string;
  readonly reason?: string;
  readonly schedule?: {
    readonly id: string;
    readonly occasion: Occasion;
    readonly dueAt: number;
    readonly report: boolean;
  };
}

/** What was started stays so, unless the start was refused. */
function note({ decisions }: Life, row: DecisionRow): void {
  const name = `${row.nominal}/${row.key}`;
  const refused = row.reason === "unknown-workflow";
  if (row.outcome === "skipped" && decisions.get(name)?.outcome === "started" && !refused) return;
  decisions.set(name, row);
}

/** For who reads a failure. */
function shown({ paused, decided, next, running, buffer, backfills, spec }: ScheduleState): string {
  const { trigger, overlap } = spec;
  const what = trigger.kind === "cron" ? trigger.expression : trigger.kind;
  return (
    `${what} ${overlap} decided ${decided} next ${next?.nominal} due ${next?.dueAt} ` +
    `${running.length} run ${buffer.length} wait ${backfills.length} backfills ${paused?.by ?? ""}`
  );
}

/** When a start that is sent was to happen. */
function dueAtOf({ sent }: Batch, started: string): number | undefined {
  for (const { instanceId, command } of sent) {
    const { kind, schedule } = (JSON.parse(command) as SentMail).command;
    if (instanceId === started && kind === "start") return schedule?.dueAt;
  }
  return undefined;
}

/** What was decided between two commits is on record, or waits in the buffer. */
function undecided(
  before: ScheduleState,
  after: ScheduleState,
  { decisions, times }: Pick<Life, "decisions" | "times">,
): string | undefined {
  const waiting = new Set(after.buffer.map(nameOf));
  const rows = [...decisions.values()];
  const decided = timesBetween(before, before.decided, after.decided);
  const { next, spec } = before;
  const byEnd =
    spec.trigger.kind === "after" &&
    after.decided === next?.nominal &&
    after.decided !== before.decided;
  if (byEnd) decided.push(after.decided);
  const left = before.buffer.filter((each) => !waiting.has(nameOf(each)));
  for (const time of [
    ...decided,
    ...left.flatMap((each) => (each.key === undefined ? each.nominal : [])),
  ]) {
    times.add(time);
    if (!waiting.has(nameOf({ nominal: time })) && !isOnRecord(rows, time))
      return `${time} is decided, and nothing is on record`;
  }
  const lost = left.find((each) => each.key !== undefined && !decisions.has(nameOf(each)));
  return lost === undefined ? undefined : `${lost.key} waited, and nothing is on record`;
}

function nameOf({ nominal, key = "" }: Pick<Occasion, "nominal" | "key">): string {
  return `${nominal}/${key}`;
}

export function isOnRecord(rows: readonly DecisionRow[], time: number): boolean {
  return rows.some(
    ({ key, nominal, until = nominal }) =>
      (key === "" || key.startsWith("\u0001")) && nominal <= time && time <= until,
  );
}
