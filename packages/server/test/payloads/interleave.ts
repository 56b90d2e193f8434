/**
 * Transactions in every order: each actor has a connection and a list of steps, and takes them one by one as a schedule says. One
 * that has to wait for a lock is passed over until it has it; the others go on.
 */
import pg from "pg";

export type Step = (client: pg.Client) => Promise<unknown>;
export interface Actor {
  readonly name: string;
  readonly steps: readonly Step[];
}
/** What became of each actor: undefined when all its steps were done, else what stopped it. */
export type Outcome = Readonly<Record<string, Error | undefined>>;

/** A pool of this connection alone. */
export function poolOf(client: pg.Client): pg.Pool {
  const query = client.query.bind(client);
  const borrowed = { query, release: () => undefined };
  return { query, connect: () => Promise.resolve(borrowed) } as unknown as pg.Pool;
}

/** Every way to take these many steps of each, in their own order. */
export function* schedules(counts: readonly number[]): Iterable<readonly number[]> {
  if (counts.every((count) => count === 0)) return yield [];
  for (const [actor, count] of counts.entries()) {
    if (count === 0) continue;
    const left = counts.with(actor, count - 1);
    for (const rest of schedules(left)) yield [actor, ...rest];
  }
}

interface Running {
  readonly name: string;
  readonly client: pg.Client;
  readonly pid: number;
  readonly todo: Step[];
  /** A step that waits for a lock. */
  waiting: Promise<void> | undefined;
  settled: boolean;
  failure: Error | undefined;
}

export class Interleaver {
  readonly #clients: { readonly client: pg.Client; readonly pid: number }[] = [];
  readonly #url: string;
  #watcher: pg.Client | undefined;

  constructor(url: string) {
    this.#url = url;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({ connectionString: this.#url });
    await client.connect();
    return client;
  }

  async run(actors: readonly Actor[], schedule: readonly number[]): Promise<Outcome> {
    this.#watcher ??= await this.#connect();
    while (this.#clients.length < actors.length) {
      const client = await this.#connect();
      const { rows } = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      this.#clients.push({ client, pid: rows[0]?.pid ?? 0 });
    }
    const running = actors.map(({ name }, index): Running => {
      const { client, pid } = this.#clients[index] as { client: pg.Client; pid: number };
      const idle = { waiting: undefined, settled: true, failure: undefined };
      return { name, client, pid, todo: [], ...idle };
    });
    const taken = actors.map(() => 0);
    for (const index of schedule) {
      const [actor, each] = [actors[index], running[index]];
      const step = actor?.steps[taken[index] ?? 0];
      if (each === undefined || step === undefined) throw new Error("the schedule is too long");
      taken[index] = (taken[index] ?? 0) + 1;
      each.todo.push(step);
      await this.#advance(running);
    }
    // Whoever still waits does so for one that has not ended.
    while (running.some(({ todo, settled }) => todo.length > 0 || !settled)) {
      await Promise.race(running.flatMap((each) => (each.settled ? [] : (each.waiting ?? []))));
      await this.#advance(running);
    }
    return Object.fromEntries(running.map(({ name, failure }) => [name, failure]));
  }

  /** Until each has done what it is to do so far, or waits. */
  async #advance(running: readonly Running[]): Promise<void> {
    for (let again = true; again; ) {
      again = false;
      for (const each of running) {
        await this.#untilBlocked(each);
        while (each.settled && each.todo.length > 0) {
          again = true;
          this.#begin(each, each.todo.shift() as Step);
          await this.#untilBlocked(each);
        }
      }
    }
  }

  #begin(each: Running, step: Step): void {
    each.settled = false;
    // After a failure the transaction is of no use, and what the actor had before it is taken back.
    each.waiting = (async () => {
      try {
        if (each.failure === undefined) await step(each.client);
      } catch (error) {
        each.failure = error as Error;
        await each.client.query("ROLLBACK");
      }
      each.settled = true;
    })();
  }

  async #untilBlocked(each: Running): Promise<void> {
    while (!each.settled && !(await this.#isBlocked(each)));
  }

  /** Asking also gives the step time to end. */
  async #isBlocked({ pid }: Running): Promise<boolean> {
    const { rows } = await (this.#watcher as pg.Client).query<{ blocked: boolean }>(
      "SELECT pg_blocking_pids($1) <> '{}' AS blocked",
      [pid],
    );
    return rows[0]?.blocked === true;
  }

  async end(): Promise<void> {
    await Promise.all(this.#clients.map(({ client }) => client.end()));
    await this.#watcher?.end();
  }
}
