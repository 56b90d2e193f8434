/**
 * A worker: takes tasks of `call: worker` from servers and runs functions on them. One loop for each server asks for as many
 * tasks as there are free places; a task's own signs of life are `worker-task.ts`'s matter.
 */
import type { WorkerTask } from "@millrace/protocol";
import { Transport, type TransportOptions } from "./transport.ts";
import { type Outcome, RunningTask, type WorkerFunction } from "./worker-task.ts";
import { Places } from "./worker-places.ts";
import { Workers } from "./workers.ts";

export interface WorkerOptions extends Omit<TransportOptions, "url"> {
  /** Each server's own address: a task is its server's, whatever stands in front of them. */
  readonly url: string | readonly string[];
  /** What the worker can do, by the name that definitions call it. */
  readonly functions: Readonly<Record<string, WorkerFunction>>;
  /** `default` unless given. */
  readonly pool?: string;
  /** Name of this worker, of no other one; made up unless given. */
  readonly name?: string;
  /** Tasks at the same time; 10 unless given. */
  readonly concurrency?: number;
  /** Is told what went wrong: errors of functions, and servers that cannot be reached. */
  readonly onError?: (error: unknown, task?: WorkerTask) => void;
  /** Is told when a task has ended. */
  readonly onEnded?: (outcome: Outcome, task: WorkerTask) => void;
}

export interface StopOptions {
  /** Milliseconds that tasks have to end, before they are given back; 30,000 unless given. */
  readonly grace?: number;
}

/** Milliseconds that a server may hold an answer: shorter where one worker asks several servers in turn. */
const WAIT = 20_000;
const WAIT_IN_TURN = 2_000;
/** Milliseconds that an answer may be on its way. */
const ON_ITS_WAY = 1_000;
/** Tasks that one request may ask for. */
const MOST = 100;

export class Worker {
  readonly name: string;
  readonly #options: WorkerOptions;
  readonly #servers: readonly Server[];
  readonly #places: Places;
  readonly #running = new Map<string, RunningTask>();
  readonly #ended = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  #loops: Promise<unknown> | undefined;
  #stopped: Promise<void> | undefined;

  /** @throws {TypeError} when an address is none, or there is nothing that the worker can do */
  constructor(options: WorkerOptions) {
    const { url, functions, concurrency = 10 } = options;
    const urls = typeof url === "string" ? [url] : url;
    if (urls.length === 0) throw new TypeError("url: expected at least one");
    if (Object.keys(functions).length === 0)
      throw new TypeError("functions: expected at least one");
    if (!Number.isInteger(concurrency) || concurrency < 1)
      throw new TypeError("concurrency: expected a whole number above 0");
    this.#options = options;
    this.#servers = urls.map((each) => serverAt(each, options));
    this.#places = new Places(concurrency);
    this.name = options.name ?? `worker-${crypto.randomUUID()}`;
  }

  /** Tasks under way. */
  get running(): number {
    return this.#running.size;
  }

  /** Begins to ask for tasks. */
  start(): void {
    this.#loops ??= Promise.all(this.#servers.map((server) => this.#loop(server)));
  }

  /** Takes no more tasks, and resolves when those under way have ended, or were given back. */
  stop({ grace = 30_000 }: StopOptions = {}): Promise<void> {
    this.#stopped ??= this.#stop(grace);
    return this.#stopped;
  }

  /** Gives back at once what is under way. */
  release(): void {
    for (const task of this.#running.values()) task.end("stopping");
  }

  async #stop(grace: number): Promise<void> {
    this.#stopping.abort(new Error("the worker stops"));
    const timer = setTimeout(() => this.release(), grace);
    await this.#loops;
    await Promise.all(this.#ended);
    clearTimeout(timer);
  }

  async #loop({ transport, asking }: Server): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 0; !signal.aborted; ) {
      const places = await this.#places.take(this.#share(), signal);
      if (places === 0) continue;
      try {
        const taken = await this.#ask(new Workers(asking), transport, places);
        this.#places.free(places - taken);
        failures = 0;
      } catch (error) {
        this.#places.free(places);
        if (signal.aborted) return;
        this.#options.onError?.(error);
        await transport.pause(failures, signal).catch(() => {});
        failures += 1;
      }
    }
  }

  /** Places for each server at most: none is to keep all of them while it has no tasks. */
  #share(): number {
    return Math.min(MOST, Math.ceil(this.#places.all / this.#servers.length));
  }

  /** @returns how many tasks came */
  async #ask(api: Workers, transport: Transport, max: number): Promise<number> {
    const { functions, pool } = this.#options;
    const wait = this.#servers.length > this.#places.all ? WAIT_IN_TURN : WAIT;
    const asked = performance.now();
    const { tasks, cancelled } = await api.poll(
      {
        worker: this.name,
        functions: Object.keys(functions),
        max,
        wait: `${wait}ms`,
        ...(pool === undefined ? {} : { pool }),
      },
      this.#stopping.signal,
    );
    for (const token of cancelled) this.#running.get(token)?.end("cancelled");
    // The leases began when the answer was sent: a moment ago, and not before the request.
    const began = Math.max(asked, performance.now() - ON_ITS_WAY);
    for (const task of tasks) this.#work(task, began, transport);
    return tasks.length;
  }

  #work(wire: WorkerTask, asked: number, transport: Transport): void {
    const { functions, onError, onEnded } = this.#options;
    const work = functions[wire.function];
    const report = (error: unknown, task: WorkerTask): void => onError?.(error, task);
    const task = new RunningTask(wire, asked, { transport, report });
    this.#running.set(wire.token, task);
    const run = async (): Promise<void> => {
      const outcome = await task.run(work ?? unknown);
      this.#running.delete(wire.token);
      this.#ended.delete(ended);
      this.#places.free(1);
      onEnded?.(outcome, wire);
    };
    const ended = run();
    this.#ended.add(ended);
  }
}

/** How a worker speaks to one server. */
interface Server {
  /** For results and checkpoints, which are worth more patience than what somebody waits for. */
  readonly transport: Transport;
  /** For tasks: the loop has its own pauses. */
  readonly asking: Transport;
}

/** @throws {TypeError} when the address is none */
function serverAt(url: string, options: WorkerOptions): Server {
  const { retry } = options;
  return {
    transport: new Transport({ ...options, url, retry: { retries: 20, ...retry } }),
    asking: new Transport({ ...options, url, retry: { ...retry, retries: 0 } }),
  };
}

function unknown(): never {
  throw new Error("the server gave a task for a function that this worker does not have");
}
