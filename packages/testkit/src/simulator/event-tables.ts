/**
 * The database's tables of events, in memory: what the functions and statements of `0006-events.sql` and the event store do,
 * each at one instant.
 */
import {
  type Batch,
  type Delivered,
  type FilterName,
  type FilterRow,
  type InboxRow,
  type PayloadRefRow,
  type ReceivedEvent,
  StoreError,
  type SubscriptionRow,
} from "@millrace/server/ports";
import type { PayloadTables } from "./payload-tables.ts";

interface Received extends ReceivedEvent {
  readonly seq: number;
  readonly at: number;
}
interface Queued {
  readonly partition: number;
  readonly seq: number;
  readonly bucket: string;
}
interface Look {
  readonly partition: number;
  readonly targetId: string;
  readonly subscriptionId: string;
  readonly madeAt: number;
  after: number;
}
/** An event on its way to a target, or consumed by it. */
export interface Mark {
  readonly targetId: string;
  readonly seq: number;
  readonly at: number;
}

/** Rows of a queue, and kept events of one subscription, that a pass takes. */
const MOST = 64;

export class EventTables {
  readonly filters = new Map<string, FilterRow>();
  readonly received = new Map<number, Received>();
  readonly subscriptions = new Map<string, SubscriptionRow>();
  readonly looks = new Map<string, Look>();
  readonly marks = new Map<string, Mark>();
  readonly queue: Queued[] = [];
  readonly #kept: { readonly bucket: string; readonly seq: number; readonly at: number }[] = [];
  readonly #known = new Map<string, number>();
  readonly #inbox: Map<string, InboxRow>;
  readonly #payloads: PayloadTables;
  readonly #now: () => number;
  #seq = 0;

  constructor(inbox: Map<string, InboxRow>, payloads: PayloadTables, now: () => number) {
    this.#inbox = inbox;
    this.#payloads = payloads;
    this.#now = now;
  }

  commit({ subscriptions, endedSubscriptions, endedTargets, returned }: Batch): void {
    const gone = [
      ...endedSubscriptions.map(({ instanceId, id }) => `${instanceId}/${id}`),
      ...subscriptions.map(nameOf),
      ...[...this.subscriptions]
        .filter(([, { targetId }]) => endedTargets.includes(targetId))
        .map(([name]) => name),
    ];
    for (const name of gone) {
      this.subscriptions.delete(name);
      this.looks.delete(name);
    }
    for (const row of subscriptions) {
      const { partition, targetId, subscriptionId } = row;
      const look = { partition, targetId, subscriptionId };
      this.subscriptions.set(nameOf(row), row);
      this.looks.set(nameOf(row), { ...look, madeAt: this.#now(), after: 0 });
    }
    for (const { targetId, seq } of returned) this.marks.delete(`${targetId}/${seq}`);
  }

  filtersOf(
    tenants: readonly string[],
    types: readonly string[],
    sources: readonly string[],
  ): readonly FilterName[] {
    return [...this.filters.values()].filter(
      ({ tenant, type, source }) =>
        tenants.includes(tenant) &&
        (type === undefined || types.includes(type)) &&
        (source === undefined || sources.includes(source)),
    );
  }

  definitions(names: readonly FilterName[]): readonly FilterRow[] {
    return names.flatMap(({ tenant, filter }) => this.filters.get(`${tenant}/${filter}`) ?? []);
  }

  receive(events: readonly ReceivedEvent[], notBefore: number): ReadonlySet<string> {
    const accepted = new Set<string>();
    const missing = this.#payloads.missing(
      events.flatMap((event) => refsFrom(event, event.id, "event")),
    );
    if (missing !== undefined)
      throw new StoreError("conflict", `there is no payload ${missing.digest}`);
    const at = Math.max(this.#now(), notBefore);
    for (const event of events) {
      const name = JSON.stringify([event.tenant, event.source, event.eventId]);
      if (this.#known.has(name)) continue;
      this.#seq += 1;
      const seq = this.#seq;
      this.#known.set(name, seq);
      this.received.set(seq, { ...event, seq, at });
      accepted.add(event.id);
      this.#payloads.refer(refsFrom(event, event.id, "event"));
      for (const bucket of event.buckets) {
        this.queue.push({ partition: event.partition, seq, bucket });
        this.#kept.push({ bucket, seq, at });
      }
    }
    return accepted;
  }

  match(partitions: readonly number[], since: number): Delivered {
    const mine = this.queue.filter(({ partition }) => partitions.includes(partition));
    const taken = mine.slice(0, MOST);
    const madeAt = Math.max(this.#now(), since);
    let sent = 0;
    for (const row of taken) {
      this.queue.splice(this.queue.indexOf(row), 1);
      for (const subscription of this.subscriptions.values())
        if (this.#waitsFor(subscription, row) && this.#send(subscription, row.seq, madeAt))
          sent += 1;
    }
    return { done: taken.length, sent, madeAt, more: mine.length > MOST, unfinished: false };
  }

  #waitsFor(subscription: SubscriptionRow, { bucket, seq }: Queued): boolean {
    const at = this.received.get(seq)?.at ?? 0;
    const look = this.looks.get(nameOf(subscription));
    if (look !== undefined && look.after < seq) return false;
    return subscription.buckets.some((each) => each.bucket === bucket && each.since <= at);
  }

  look(partitions: readonly number[], keep: number, since: number): Delivered {
    const madeAt = Math.max(this.#now(), since);
    let [sent, done] = [0, 0];
    for (const [name, look] of this.looks) {
      if (!partitions.includes(look.partition) || !this.#dealtWith(look)) continue;
      const subscription = this.subscriptions.get(name);
      const oldest = Math.min(this.#now() - keep, look.madeAt - keep, ...this.#unmatched());
      const found = this.#kept.filter(
        ({ bucket, seq, at }) =>
          seq > look.after &&
          at >= oldest &&
          subscription?.buckets.some((each) => each.bucket === bucket && each.since <= at),
      );
      const seqs = [...new Set(found.map(({ seq }) => seq))].slice(0, MOST);
      for (const seq of seqs)
        if (subscription !== undefined && this.#send(subscription, seq, madeAt)) sent += 1;
      look.after = seqs.at(-1) ?? look.after;
      if (seqs.length === MOST) continue;
      this.looks.delete(name);
      done += 1;
    }
    const unfinished = [...this.looks.values()].some((each) => partitions.includes(each.partition));
    return { done, sent, madeAt, more: false, unfinished };
  }

  /** The next stretch comes when the target has dealt with what it was sent. */
  #dealtWith({ after, targetId }: Look): boolean {
    return after === 0 || ![...this.#inbox.values()].some((row) => row.instanceId === targetId);
  }

  #send({ targetId, kind, partition }: SubscriptionRow, seq: number, madeAt: number): boolean {
    const name = `${targetId}/${seq}`;
    const received = this.received.get(seq);
    if (this.marks.has(name) || received === undefined) return false;
    this.marks.set(name, { targetId, seq, at: received.at });
    const command = `{"kind":"event.delivered","seq":${seq},"event":${received.event}}`;
    const schedule = kind === "schedule" ? '"schedule":true,' : "";
    const id = `${base32(madeAt)}${seq.toString(16).padStart(12, "0")}${targetId}`;
    const text = `{${schedule}"command":${command}}`;
    this.#inbox.set(id, { partition, id, instanceId: targetId, command: text });
    this.#payloads.refer(refsFrom(received, targetId, "instance"));
    return true;
  }

  /** When what waits for its match was received. */
  #unmatched(): readonly number[] {
    return this.queue.map(({ seq }) => this.received.get(seq)?.at ?? 0);
  }

  /** The oldest instant of receipt that a look may find, now or later. */
  #oldestKept(keep: number): number {
    const looks = [...this.looks.values()].map(({ madeAt }) => madeAt - keep);
    return Math.min(this.#now() - keep, ...this.#unmatched(), ...looks);
  }

  pruneKept(keep: number, limit: number): number {
    const since = this.#oldestKept(keep);
    const gone = this.#kept.filter(({ at }) => at < since).slice(0, limit);
    for (const key of gone) this.#kept.splice(this.#kept.indexOf(key), 1);
    const old = [...this.marks].filter(([, { at }]) => at < since - 60_000).slice(0, limit);
    for (const [name] of old) this.marks.delete(name);
    return gone.length + old.length;
  }

  pruneEvents(partitions: readonly number[], retention: number, limit: number): number {
    const before = this.#oldestKept(retention) - 60_000;
    const old = [...this.received.values()]
      .filter(({ partition, at }) => partitions.includes(partition) && at < before)
      .slice(0, limit);
    for (const { seq, tenant, source, eventId } of old) {
      this.received.delete(seq);
      this.#known.delete(JSON.stringify([tenant, source, eventId]));
    }
    return old.length;
  }
}

function refsFrom(
  { tenant, payloads = [] }: ReceivedEvent,
  holder: string,
  kind: PayloadRefRow["kind"],
): readonly PayloadRefRow[] {
  return payloads.map((digest) => ({ holder, tenant, digest, kind }));
}

function nameOf({ targetId, subscriptionId }: SubscriptionRow): string {
  return `${targetId}/${subscriptionId}`;
}

/** The time part of a ULID. */
function base32(ms: number): string {
  const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  let [text, rest] = ["", ms];
  for (let place = 0; place < 10; place += 1) {
    text = digits.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
