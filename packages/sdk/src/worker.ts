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
  /** A server's address, or that of a balancer before several; or the servers' own, where nothing stands in front of them. */
  readonly url: string | readonly string[];
  /** What the worker can do, by the name that definitions call it. */
  readonly functions: Readonly<Record<string, WorkerFunction>>;
  /** `default` unless given. */
  readonly pool?: string;
  /** Name of this worker, of no other one; made up unless given. */
  readonly name?: string;
  /** Tasks at the same time; 10 unless given. */
  readonly concurrency?: number;
  /**
   * Is told what went wrong: errors of functions, what a server refuses to take, and servers that give no tasks (once for the
   * same answer in a row).
   */
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
    checkFunctions(Object.keys(functions));
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

  async #loop(server: Server): Promise<void> {
    const { signal } = this.#stopping;
    let told: string | undefined;
    for (let failures = 0; !signal.aborted; ) {
      const places = await this.#places.take(this.#share(), signal);
      if (places === 0) continue;
      try {
        const taken = await this.#ask(server, places);
        this.#places.free(places - taken);
        failures = 0;
        told = undefined;
      } catch (error) {
        this.#places.free(places);
        if (signal.aborted) return;
        // A server that stands by, or is away, says the same for hours.
        if (told !== String(error)) this.#options.onError?.(error);
        told = String(error);
        await server.transport.pause(failures, signal).catch(() => {});
        failures += 1;
      }
    }
  }

  /** Places for each server at most: none is to keep all of them while it has no tasks. */
  #share(): number {
    return Math.min(MOST, Math.ceil(this.#places.all / this.#servers.length));
  }

  /** @returns how many tasks came */
  async #ask(server: Server, max: number): Promise<number> {
    const { functions, pool } = this.#options;
    const wait = this.#servers.length > this.#places.all ? WAIT_IN_TURN : WAIT;
    const asked = performance.now();
    const { tasks, cancelled } = await new Workers(server.asking).poll(
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
    for (const task of tasks) this.#work(task, began, server);
    return tasks.length;
  }

  #work(wire: WorkerTask, asked: number, server: Server): void {
    const { functions, onError, onEnded } = this.#options;
    const work = functions[wire.function];
    const report = (error: unknown, task: WorkerTask): void => onError?.(error, task);
    const task = new RunningTask(wire, asked, { ...server, report });
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

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
/** Functions that a worker may ask for. */
const MOST_FUNCTIONS = 100;

/** @throws {TypeError} for what every server would refuse */
function checkFunctions(names: readonly string[]): void {
  if (names.length === 0) throw new TypeError("functions: expected at least one");
  if (names.length > MOST_FUNCTIONS)
    throw new TypeError(`functions: expected at most ${MOST_FUNCTIONS}, got ${names.length}`);
  const wrong = names.find((name) => !NAME.test(name));
  if (wrong === undefined) return;
  const name = JSON.stringify(wrong);
  throw new TypeError(
    `functions: a name has letters, digits, _, . and - (at most 128), got ${name}`,
  );
}

function unknown(): never {
  throw new Error("the server gave a task for a function that this worker does not have");
}
