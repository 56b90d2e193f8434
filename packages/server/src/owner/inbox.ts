/** The inbox: commands that other transactions left for instances of our partitions, in order for each sender. */
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { type Parted, partedOf } from "../payloads/parted.ts";
import type { InboxRow, OwnerStore, WorkflowVersion } from "../store/store.ts";
import type { Mail } from "./effects.ts";
import type { Entry } from "./entry.ts";
import type { Owner } from "./owner.ts";
import { type Service, service } from "./service.ts";

export interface InboxConfig {
  readonly store: Pick<OwnerStore, "readInbox" | "latestVersion">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly owner: () => Owner;
}

/** Milliseconds between looks when nobody nudges. */
const INTERVAL = 1000;
const MOST = 1000;
/**
 * With more than this many in the owner's hands no others are read before the next interval: they would be read again and
 * again, and whatever else the owner has to do would wait behind them.
 */
const BUSY = 250;

/** Messages being applied are remembered by id, so that a second reading does not submit them twice. */
export function inboxService(config: InboxConfig): Service {
  /** With the epoch under which they were submitted: a partition that was lost and taken again has dropped them. */
  const applying = new Map<string, number>();
  /** Applied since the reading under way began, which may show them still. */
  let applied = new Set<string>();
  let readAt = Number.NEGATIVE_INFINITY;
  const pass = async (): Promise<void> => {
    const owner = config.owner();
    const now = config.clock.monotonic();
    if (applying.size > BUSY && now - readAt < INTERVAL) return;
    readAt = now;
    const held = new Map(owner.owned.map((e) => [e.partition, e.epoch]));
    const partitions = [...held.keys()];
    if (partitions.length === 0) return;
    applied = new Set();
    const rows = await config.store.readInbox(partitions, MOST + applying.size);
    const newest = newestVersions(config.store);
    for (const row of rows) {
      const epoch = owner.epochOf(row.partition);
      // What was read under another epoch may have been applied under it.
      if (epoch === undefined || epoch !== held.get(row.partition)) continue;
      if (applying.get(row.id) === epoch || applied.has(row.id)) continue;
      const entry = withPriority(await toEntry(row, newest), owner);
      applying.set(row.id, epoch);
      const done = (): void => {
        applying.delete(row.id);
        applied.add(row.id);
        if (applying.size === BUSY) inbox.nudge();
      };
      owner.submit({ ...entry, done });
    }
    const there = new Set(rows.map((row) => row.id));
    // What is no longer there was applied by a commit whose answer was lost, or belongs to another node now.
    for (const id of applying.keys()) if (!there.has(id)) applying.delete(id);
  };
  const { clock, log, random } = config;
  const inbox = service({ name: "inbox", clock, log, random, interval: INTERVAL, pass });
  return inbox;
}

/** What a start says, else its workflow, where that is known already. */
function withPriority(entry: Entry, { programs }: Owner): Entry {
  if (entry.start === undefined || entry.priority !== undefined) return entry;
  return { ...entry, priority: programs.known(entry.start.workflow)?.priority };
}

/** An event stands in its mail as it was stored, with references of its own. */
function partedMail(mail: Mail): Parted | undefined {
  const { command } = mail;
  return (
    partedOf(mail) ?? (command.kind === "event.delivered" ? partedOf(command.event) : undefined)
  );
}

type NewestVersion = (workflow: WorkflowVersion) => Promise<string | undefined>;

/** One question for each workflow of a pass. */
function newestVersions(store: InboxConfig["store"]): NewestVersion {
  const known = new Map<string, Promise<string | undefined>>();
  return (workflow) => {
    const { tenant, namespace, name } = workflow;
    const key = JSON.stringify([tenant, namespace, name]);
    const version = known.get(key) ?? store.latestVersion({ tenant, namespace, name });
    known.set(key, version);
    return version;
  };
}

async function toEntry(row: InboxRow, newest: NewestVersion): Promise<Entry> {
  const mail = JSON.parse(row.command) as Mail;
  const { command, schedule, workflow } = mail;
  const parted = partedMail(mail);
  const { partition, id, instanceId } = row;
  const { tenant } = workflow ?? {};
  const start = command.kind === "start" ? command : undefined;
  const entry: Entry = {
    instanceId,
    partition,
    command,
    message: { partition, id },
    ...(parted === undefined ? {} : { parted }),
    tenant,
    priority: start?.priority,
    ...(schedule === true ? { schedule } : {}),
    ...(schedule === true || start?.schedule !== undefined ? { background: true } : {}),
  };
  if (workflow === undefined) return entry;
  const version = workflow.version === "latest" ? await newest(workflow) : workflow.version;
  return { ...entry, start: { workflow: { ...workflow, version: version ?? workflow.version } } };
}
