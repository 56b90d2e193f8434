/**
 * Receiving events, whatever they come from: those of many callers go into one transaction, and each caller is answered when
 * it has committed.
 *
 *   publish ─▶ waiting ─▶ take up to 1,000 events, or 16 MiB ─▶ buckets of each ─▶ one transaction ─▶ answers; the match is nudged
 *
 * Two batches are under way at most. More events than may wait, by number or by size, are refused before anything of theirs is
 * taken. What one caller brings is one transaction, however large: it waits, and goes, alone.
 */
import { newId } from "@millrace/protocol";
import { placement } from "../cluster/placement.ts";
import type { Clock } from "../clock.ts";
import type { Counters } from "../owner/counters.ts";
import { type CloudEventObject, type EventsAccepted, RuntimeError } from "../runtime.ts";
import { inTime } from "../payloads/in-time.ts";
import { type LargeStore, storeAll } from "../payloads/parted.ts";
import { PayloadError, type Value } from "../payloads/payloads.ts";
import { spill, withoutRefs } from "../payloads/spill.ts";
import type { EventStore, ReceivedEvent } from "../store/events.ts";
import { StoreError } from "../store/store.ts";
import { columnText } from "./column-text.ts";
import { type Classified, Filters } from "./filters.ts";

export interface IngestConfig {
  readonly store: EventStore;
  readonly counts: Counters["counts"];
  readonly partitions: number;
  readonly databaseNow: () => number;
  readonly monotonic: () => number;
  readonly randomBytes: () => Uint8Array;
  readonly clock: Pick<Clock, "after">;
  /** Events were received that somebody may wait for. */
  readonly onReceived: () => void;
  /** Where large values go; without it, they stay in the events. */
  readonly large?: LargeStore | undefined;
}

/** An event as a row, with what it is to be stored with. */
interface Prepared {
  readonly row: ReceivedEvent;
  readonly fresh: readonly Value[];
  /** The row with its large values in it. */
  readonly whole: () => ReceivedEvent;
}

interface Job {
  readonly events: readonly CloudEventObject[];
  readonly tenant: string;
  /** Characters of the events, about. */
  readonly size: number;
  readonly done: (accepted: EventsAccepted) => void;
  readonly fail: (error: unknown) => void;
}

const MAX_BATCH = 1_000;
/** Characters: a parameter of the transaction is one string, and V8 has none of more than 2^29. */
const MAX_BATCH_SIZE = 16 * 1024 * 1024;
const MAX_WAITING = 20_000;
const MAX_WAITING_SIZE = 64 * 1024 * 1024;
const MAX_UNDER_WAY = 2;
/** Tries of a batch that met the same events coming another way. */
const MAX_TRIES = 4;
const RETRY_AFTER = 1_000;

export class Ingest {
  readonly #config: IngestConfig;
  readonly #filters: Filters;
  readonly #jobs: Job[] = [];
  /** Events of jobs that are not answered. */
  #waiting = 0;
  #waitingSize = 0;
  #underWay = 0;

  constructor(config: IngestConfig) {
    this.#config = config;
    this.#filters = new Filters(config);
  }

  /**
   * Resolves when the events are durable.
   * @throws {RuntimeError} `overloaded`; nothing was taken
   * @throws {StoreError}
   */
  publish(events: readonly CloudEventObject[], tenant: string): Promise<EventsAccepted> {
    if (events.length === 0) return Promise.resolve({ accepted: 0, duplicates: 0 });
    const size = sizeOf(events);
    const tooMany = this.#waiting + events.length > MAX_WAITING;
    const tooLarge = this.#waitingSize + size > MAX_WAITING_SIZE;
    if (this.#waiting > 0 && (tooMany || tooLarge)) {
      const mebibytes = Math.ceil(this.#waitingSize / 2 ** 20);
      const message = `${this.#waiting} events (${mebibytes} MiB) are waiting to be stored; try again later`;
      return Promise.reject(new RuntimeError("overloaded", message, { retryAfterMs: RETRY_AFTER }));
    }
    this.#waiting += events.length;
    this.#waitingSize += size;
    return new Promise((done, fail) => {
      this.#jobs.push({ events, tenant, size, done, fail });
      // What comes in the same turn goes together.
      queueMicrotask(() => void this.#next());
    });
  }

  /** The events as rows, with their buckets. An attribute that looks like a reference of ours is none, and does not stay. */
  async #prepare(
    events: readonly { readonly tenant: string; readonly event: CloudEventObject }[],
  ): Promise<readonly Prepared[]> {
    const { partitions, databaseNow, randomBytes } = this.#config;
    const named = events.map(({ tenant, event }) => nameOf(tenant, withoutRefs(event)));
    const buckets = await this.#filters.classify(named);
    const now = databaseNow();
    return named.map(({ tenant, source, eventId, type, event }, place) => {
      const name = JSON.stringify([tenant, source, event.subject ?? null]);
      const partition = placement(partitions, name);
      const id = newId(partition, now, randomBytes());
      const of = { partition, id, tenant, source, eventId, type, buckets: buckets[place] ?? [] };
      return this.#split(of, event);
    });
  }

  #split(of: Omit<ReceivedEvent, "event">, event: CloudEventObject): Prepared {
    const whole = (): ReceivedEvent => ({ ...of, event: JSON.stringify(event) });
    const { large } = this.#config;
    if (large === undefined) return { row: whole(), fresh: [], whole };
    const { text, fresh } = spill(event, large.rules);
    const row = { ...of, event: text };
    if (fresh.length === 0) return { row, fresh, whole };
    return { row: { ...row, payloads: fresh.map(({ digest }) => digest) }, fresh, whole };
  }

  /** Where the store of large values does not answer, they stay in the events: others are not to wait for it. */
  async #stored(prepared: readonly Prepared[]): Promise<readonly ReceivedEvent[]> {
    const large = prepared.filter(({ fresh }) => fresh.length > 0);
    if (large.length === 0) return prepared.map(({ row }) => row);
    const byTenant = Map.groupBy(large, ({ row }) => row.tenant);
    const values = [...byTenant].map(([tenant, of]) => {
      const all = of.flatMap(({ fresh }) => fresh.map((value) => [value.digest, value] as const));
      return [tenant, new Map(all)] as const;
    });
    try {
      const { clock, large: to } = this.#config;
      await inTime(clock, storeAll(to?.values, new Map(values)));
      return prepared.map(({ row }) => row);
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      return prepared.map(({ row, fresh, whole }) => (fresh.length === 0 ? row : whole()));
    }
  }

  async #next(): Promise<void> {
    if (this.#underWay >= MAX_UNDER_WAY || this.#jobs.length === 0) return;
    const jobs = this.#take();
    this.#underWay += 1;
    try {
      await this.#receive(jobs);
    } catch (error) {
      for (const job of jobs) job.fail(error);
    } finally {
      for (const { events, size } of jobs) {
        this.#waiting -= events.length;
        this.#waitingSize -= size;
      }
      this.#underWay -= 1;
      void this.#next();
    }
  }

  /** Whole jobs, one at least. */
  #take(): Job[] {
    let [events, size, jobs] = [0, 0, 0];
    for (const job of this.#jobs) {
      events += job.events.length;
      size += job.size;
      if (jobs > 0 && (events > MAX_BATCH || size > MAX_BATCH_SIZE)) break;
      jobs += 1;
    }
    return this.#jobs.splice(0, jobs);
  }

  async #receive(jobs: readonly Job[]): Promise<void> {
    const all = jobs.flatMap(({ events, tenant }) => events.map((event) => ({ tenant, event })));
    const prepared = await this.#prepare(all);
    const rows = prepared.map(({ row }) => row);
    const accepted = await this.#write(prepared);
    this.#count(rows, accepted);
    let at = 0;
    for (const { events, done } of jobs) {
      const mine = rows.slice(at, at + events.length);
      at += events.length;
      const taken = mine.filter(({ id }) => accepted.has(id)).length;
      done({ accepted: taken, duplicates: events.length - taken });
    }
    if (rows.some(({ id, buckets }) => buckets.length > 0 && accepted.has(id)))
      this.#config.onReceived();
  }

  /** Two nodes that receive the same events in another order may wait for each other: then one is refused. */
  async #write(prepared: readonly Prepared[]): Promise<ReadonlySet<string>> {
    const { store, databaseNow } = this.#config;
    for (let tries = 1; ; tries += 1)
      try {
        return await store.receive(await this.#stored(prepared), databaseNow());
      } catch (error) {
        const met = error instanceof StoreError && error.kind === "conflict";
        if (!met || tries === MAX_TRIES) throw error;
      }
  }

  #count(rows: readonly ReceivedEvent[], accepted: ReadonlySet<string>): void {
    const { counts } = this.#config;
    counts.eventsReceived += rows.length;
    for (const { id, buckets } of rows)
      if (!accepted.has(id)) counts.eventsDuplicate += 1;
      else if (buckets.length === 0) counts.eventsUnmatched += 1;
      else counts.eventsMatched += 1;
  }
}

/** Characters that any value has beside those of strings: a number, a name, the marks around it. */
const OF_VALUE = 8;

/** Characters of JSON, about: as text they are made once, later. Without recursion, since events may be deep. */
function sizeOf(value: unknown): number {
  let size = 0;
  const left = [value];
  while (left.length > 0) {
    const next = left.pop();
    size += typeof next === "string" ? next.length + 2 : OF_VALUE;
    if (typeof next !== "object" || next === null) continue;
    for (const key in next) {
      size += key.length;
      left.push((next as Record<string, unknown>)[key]);
    }
  }
  return size;
}

interface Named extends Classified {
  readonly eventId: string;
}

function nameOf(tenant: string, event: CloudEventObject): Named {
  const { source, id, type } = event;
  return {
    tenant,
    source: columnText(source),
    eventId: columnText(id),
    type: columnText(type),
    event,
  };
}
