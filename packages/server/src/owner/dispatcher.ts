/**
 * Hands activities to the local executor by priority and age (`fair-queue.ts`), a bounded number at a time. The database row
 * is the truth: a delivery that is lost with the process is found again by the next owner.
 */
import { standardError } from "@millrace/engine";
import {
  type ActivityExecutor,
  type ActivityRequest,
  type ActivityResult,
  isRemote,
  type RemoteWork,
} from "../activities/executor.ts";
import type { Clock } from "../clock.ts";
import { Loads } from "../payloads/loads.ts";
import { type LargeStore, type Parted, partedOf } from "../payloads/parted.ts";
import { NONE } from "../payloads/spill.ts";
import type { ActivityRow } from "../store/store.ts";
import type { Logger } from "../logger.ts";
import { backoff } from "./backoff.ts";
import type { Counters } from "./counters.ts";
import type { Outcome } from "./entry.ts";
import { isBroken } from "./fetching.ts";
import { FairQueue, type Queued } from "./fair-queue.ts";
import { Feeding } from "./feeding.ts";
import type { Owner } from "./owner.ts";

/** One attempt of an activity, to be made. */
export interface Delivery {
  readonly partition: number;
  readonly instanceId: string;
  readonly activityId: string;
  readonly attempt: number;
  readonly request: Omit<ActivityRequest, "attempt">;
  /** A schedule started its instance, and nobody waits for it. */
  readonly background?: boolean;
  /** Parts of the request that are loaded before it is made. */
  readonly parted?: Parted;
  /** Times that they could not be had. */
  readonly failures?: number;
}

export function deliveryOf(row: ActivityRow): Delivery {
  const { partition, instanceId, activityId, attempt } = row;
  const request = JSON.parse(row.request) as Delivery["request"];
  const parted = partedOf(request);
  const delivery = { partition, instanceId, activityId, attempt, request };
  return parted === undefined ? delivery : { ...delivery, parted };
}

export interface DispatcherConfig {
  readonly executor: ActivityExecutor;
  /** Activities executed at the same time, those of remote workers not counted. */
  readonly concurrency: number;
  readonly remote?: RemoteWork | undefined;
  readonly counters: Counters;
  readonly clock: Clock;
  /** Milliseconds that running activities have to end when the node stops, before they are aborted. */
  readonly drain: number;
  readonly log: Logger;
  readonly random: () => number;
  /** Where large values of requests are. */
  readonly large?: Pick<LargeStore, "values"> | undefined;
}

interface Waiting {
  readonly name: string;
  readonly delivery: Delivery;
}

interface Running {
  readonly delivery: Delivery;
  readonly controller: AbortController;
  readonly feeding: Feeding;
}

const NO_REQUEST = "an activity is held up: a large value of its request cannot be had";

/** A delivery that cannot be made yet. */
interface Pausing {
  readonly partition: number;
  readonly cancel: () => void;
}

/** Milliseconds that an executor has to return after an abort, before the node stops without it. */
const ABORTING = 1000;

export class Dispatcher {
  readonly #config: DispatcherConfig;
  readonly #queue = new FairQueue<Waiting>();
  readonly #waiting = new Map<string, Queued<Waiting>>();
  readonly #running = new Map<string, Running>();
  /** Deliveries whose large values could not be had, until the next try. */
  readonly #pausing = new Map<string, Pausing>();
  /** Of those, how many are executed here. */
  #places = 0;
  readonly #loads: Loads;
  #owner: Owner | undefined;
  #stopped = false;
  #drained: (() => void)[] = [];

  constructor(config: DispatcherConfig) {
    this.#config = config;
    this.#loads = new Loads(config.large?.values, config.clock);
  }

  attach(owner: Owner): void {
    this.#owner = owner;
  }
  get running(): number {
    return this.#places;
  }
  get queued(): number {
    return this.#queue.size;
  }

  dispatch(deliveries: readonly Delivery[]): void {
    // What need not wait goes at once.
    const free = this.#config.concurrency - this.#places;
    const waits = this.#stopped || this.#queue.size > 0 || deliveries.length > free;
    for (const delivery of deliveries) {
      const name = nameOf(delivery);
      if (this.#running.has(name) || this.#isReported(delivery)) continue;
      this.#unpause(name);
      if (waits && (this.#stopped || !isRemote(delivery.request)))
        this.#enqueue({ name, delivery });
      else void this.#run(name, delivery);
    }
    this.#fill();
  }

  /** What a worker gave is on its way into the instance, and is not lost with an epoch: nobody is to do it again. */
  #isReported(delivery: Delivery): boolean {
    return isRemote(delivery.request) && this.#config.remote?.holds(delivery) === true;
  }

  /** A delivery that waits already keeps its place. */
  #enqueue(waiting: Waiting): void {
    const { name, delivery } = waiting;
    const known = this.#waiting.get(name);
    if (known !== undefined) {
      known.value = waiting;
      return;
    }
    const { background, request } = delivery;
    const { tenant, priority } = request;
    const rank = { tenant, priority, background };
    this.#waiting.set(name, this.#queue.push(waiting, rank, this.#config.clock.monotonic()));
  }

  #forget(name: string): void {
    const queued = this.#waiting.get(name);
    if (queued === undefined) return;
    this.#waiting.delete(name);
    this.#queue.remove(queued);
  }

  /** It is tried again after a pause that grows; meanwhile others have its place. */
  #pause(name: string, delivery: Delivery, err: unknown): void {
    const { clock, random } = this.#config;
    const { partition } = delivery;
    const failures = (delivery.failures ?? 0) + 1;
    this.#tell(delivery, failures, err);
    const cancel = clock.after(backoff(failures, random), () => {
      this.dispatch([{ ...delivery, failures }]);
    });
    this.#pausing.set(name, { partition, cancel });
  }

  #tell({ instanceId: instance, activityId: activity }: Delivery, tries: number, err: unknown) {
    const { counters, log } = this.#config;
    counters.counts.instancesHeldUp += 1;
    const level = isBroken(err) ? "error" : "warn";
    if (tries === 1) log[level]({ err, instance, activity }, NO_REQUEST);
  }

  #unpause(name: string): void {
    this.#pausing.get(name)?.cancel();
    this.#pausing.delete(name);
  }

  /** Activities that wait for a free place, by priority. */
  depths(): readonly number[] {
    return this.#queue.depths();
  }
  /** Milliseconds that the first of them has waited, by priority; 0 where none does. */
  oldest(): readonly number[] {
    return this.#queue.ages(this.#config.clock.monotonic());
  }

  /**
   * Forgets what waits of these partitions, at another epoch: what is still open is delivered again, and what was taken back
   * in a commit whose answer was lost is not.
   * @param lost another node has them
   */
  drop(partitions: Iterable<number>, lost = false): void {
    const dropped = new Set(partitions);
    for (const [name, { value }] of this.#waiting)
      if (dropped.has(value.delivery.partition)) this.#forget(name);
    for (const [name, { partition }] of this.#pausing)
      if (dropped.has(partition)) this.#unpause(name);
    for (const [name, running] of this.#running)
      if (dropped.has(running.delivery.partition) && this.#beginsAnew(running, lost)) {
        this.#running.delete(name);
        abort(running);
      }
    if (lost) this.#config.remote?.lost(dropped);
  }

  /** What a running one has brought may be lost on the way; what waits for a worker waits where it is delivered again. */
  #beginsAnew({ delivery, feeding }: Running, lost: boolean): boolean {
    const { remote } = this.#config;
    if (remote === undefined || !isRemote(delivery.request)) return feeding.begun;
    return lost || !remote.holds(delivery);
  }

  /** The instance has dealt with what a running activity brought. */
  next({ itemId, ...of }: { instanceId: string; activityId: string; itemId: string }): void {
    this.#running.get(nameOf(of))?.feeding.next(itemId);
  }

  /** The result is no longer wanted. */
  cancel(instanceId: string, activityId: string): void {
    const name = nameOf({ instanceId, activityId });
    this.#forget(name);
    this.#unpause(name);
    const running = this.#running.get(name);
    if (running !== undefined) abort(running);
  }

  /** Starts nothing more; resolves when what runs has ended or was aborted. What is aborted is delivered again later. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#config.remote?.stopping();
    for (const name of this.#waiting.keys()) this.#forget(name);
    for (const name of this.#pausing.keys()) this.#unpause(name);
    // A worker's result has no way here any more.
    for (const running of this.#running.values())
      if (isRemote(running.delivery.request)) abort(running);
    await this.#ended(this.#config.drain);
    for (const running of this.#running.values()) abort(running);
    await this.#ended(ABORTING);
  }

  async #ended(atMost: number): Promise<void> {
    if (this.#running.size === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#config.clock.after(atMost, resolve);
      this.#drained.push(() => {
        cancel();
        resolve();
      });
    });
  }

  #fill(): void {
    while (!this.#stopped && this.#places < this.#config.concurrency) {
      const next = this.#queue.take();
      if (next === undefined) return;
      this.#waiting.delete(next.name);
      void this.#run(next.name, next.delivery);
    }
  }

  async #run(name: string, delivery: Delivery): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    // What waits for a worker, perhaps for long and with many others, has its large values when one takes it.
    const parted = isLate(delivery) ? undefined : delivery.parted;
    const running = { delivery, controller, feeding: this.#feedingOf(delivery) };
    this.#running.set(name, running);
    const place = isRemote(delivery.request) ? 0 : 1;
    this.#places += place;
    const missing = parted === undefined ? undefined : await this.#complete(delivery, parted);
    const lost = missing !== undefined || signal.aborted;
    const result = lost ? undefined : await this.#execute(delivery, running);
    running.feeding.end();
    this.#places -= place;
    if (this.#running.get(name) === running) this.#running.delete(name);
    if (signal.aborted) this.#settled(delivery, false);
    else if (result !== undefined) this.#report(delivery, result);
    else if (!this.#stopped) this.#pause(name, delivery, missing?.error);
    this.#fill();
    if (this.#running.size === 0) for (const resolve of this.#drained.splice(0)) resolve();
  }

  /** Loads the large values of a request. @returns why that could not be done */
  async #complete(
    { request }: Delivery,
    parted: Parted,
  ): Promise<{ readonly error: unknown } | undefined> {
    try {
      await this.#loads.load(request.tenant, [parted]);
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  /** The request with its large values, which the delivery keeps without. */
  #whole(delivery: Delivery): () => Promise<ActivityRequest> {
    const { request, parted, attempt } = delivery;
    const refs = parted?.refs ?? [];
    let tries = 0;
    return async () => {
      const record = structuredClone(request);
      try {
        await this.#loads.load(request.tenant, [{ record, refs, known: NONE }]);
      } catch (error) {
        this.#tell(delivery, (tries += 1), error);
        throw error;
      }
      tries = 0;
      return { ...record, attempt };
    };
  }

  #feedingOf({ partition, instanceId, activityId, attempt, request }: Delivery): Feeding {
    const { tenant, priority } = request;
    const feeding = new Feeding(attempt, ({ itemId, item }) => {
      const command = { kind: "activity.item", activityId, itemId, item } as const;
      const done = ({ kind, state }: Outcome): void => {
        if (kind === "applied") feeding.taken(itemId);
        // Its end was not heard of here.
        else if (state?.frames[activityId] === undefined) this.cancel(instanceId, activityId);
      };
      this.#owner?.submit({ instanceId, partition, command, tenant, priority, done });
    });
    return feeding;
  }

  async #execute(
    delivery: Delivery,
    { controller: { signal }, feeding }: Running,
  ): Promise<ActivityResult> {
    const { request, attempt } = delivery;
    const late = isLate(delivery) ? { whole: this.#whole(delivery) } : {};
    const { counts } = this.#config.counters;
    counts.activitiesStarted += 1;
    if (attempt > 1) counts.activitiesRedelivered += 1;
    try {
      return await this.#config.executor.execute(
        { ...request, attempt, ...late },
        signal,
        feeding.feed,
      );
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return { error: standardError("runtime", detail, request.reference) };
    }
  }

  #report(delivery: Delivery, result: ActivityResult): void {
    const { counts } = this.#config.counters;
    const { partition, instanceId, activityId, request } = delivery;
    const { tenant, priority } = request;
    if ("output" in result) counts.activitiesCompleted += 1;
    else counts.activitiesFailed += 1;
    this.#owner?.submit({
      instanceId,
      partition,
      tenant,
      priority,
      command:
        "output" in result
          ? { kind: "activity.completed", activityId, output: result.output }
          : { kind: "activity.failed", activityId, error: result.error },
      activity: { partition, instanceId, id: activityId },
      done: ({ kind }) => this.#settled(delivery, kind === "applied"),
    });
  }

  #settled(delivery: Delivery, taken: boolean): void {
    if (isRemote(delivery.request)) this.#config.remote?.settled(delivery, taken);
  }
}

/** What is evaluated before a worker sees it needs all values at once. */
function isLate({ request, parted }: Delivery): boolean {
  return parted !== undefined && isRemote(request) && request.deferred === undefined;
}

function abort({ controller, feeding }: Running): void {
  feeding.end();
  controller.abort();
}

function nameOf({ instanceId, activityId }: { instanceId: string; activityId: string }): string {
  return `${instanceId}/${activityId}`;
}
