/** Many rounds, on stands that serve several of them, and what they add up to. */
import { faultOf, type Kind, KINDS } from "./faults.ts";
import { type RoundResult, runRound } from "./round.ts";
import { seeded } from "./random.ts";
import { type Mode, openStand, type Stand, type StandOptions } from "./stand.ts";

export interface RunOptions {
  readonly rounds: number;
  /** Of the first round; each further one has the next number. */
  readonly seed: number;
  readonly only?: Kind | undefined;
  readonly mode?: Mode | undefined;
  readonly say: (line: string) => void;
  /** Ends the run after the round under way. */
  readonly signal?: AbortSignal;
}

export const FAULTY = ["lost", "stuck", "doubled", "wrong", "hung"] as const;

export type Totals = Record<(typeof FAULTY)[number], number> & {
  rounds: number;
  failed: number;
  /** Rounds that this machine cannot run. */
  skipped: number;
  started: number;
  acknowledged: number;
  turnedAway: number;
};

/** A stand is given up after so many rounds, so that the first start of a server is tested again and again. */
const ROUNDS_PER_STAND = 8;
const SHOWN = 5;

export async function runRounds(options: RunOptions): Promise<Totals> {
  const totals: Totals = {
    rounds: 0,
    failed: 0,
    skipped: 0,
    started: 0,
    acknowledged: 0,
    turnedAway: 0,
    lost: 0,
    stuck: 0,
    doubled: 0,
    wrong: 0,
    hung: 0,
  };
  const stands = new Stands();
  try {
    for (let turn = 0; turn < options.rounds && options.signal?.aborted !== true; turn++)
      await oneRound(options, turn, stands, totals);
  } finally {
    await stands.close();
  }
  return totals;
}

async function oneRound(
  { seed: first, only, mode, say }: RunOptions,
  turn: number,
  stands: Stands,
  totals: Totals,
): Promise<void> {
  const seed = first + turn;
  const plan = planOf(seed, only ?? KINDS[turn % KINDS.length] ?? "server", mode);
  const name = `round ${turn + 1}: ${plan.kind}, ${plan.stand.mode}, seed ${seed}`;
  const stand = await stands.get(plan.stand);
  if (stand === undefined) {
    totals.skipped += 1;
    return say(`${name}: skipped, a small disk needs root on Linux`);
  }
  const began = performance.now();
  let result: RoundResult;
  try {
    result = await runRound(stand, plan.kind, seed, turn);
  } catch (error) {
    result = { ...NOTHING, wrong: [String(error)] };
  }
  totals.rounds += 1;
  for (const each of ["started", "acknowledged", "turnedAway"] as const)
    totals[each] += result[each];
  for (const each of FAULTY) totals[each] += result[each].length;
  const counts = FAULTY.map((each) => `${each} ${result[each].length}`).join(", ");
  const starts = `${result.acknowledged} of ${result.started} starts, ${result.turnedAway} turned away`;
  const ready = `ready after ${(result.readyAfter / 1_000).toFixed(1)} s`;
  const seconds = ((performance.now() - began) / 1_000).toFixed(0);
  say(`${name}: ${starts}, ${ready}, ${seconds} s; ${counts}`);
  if (FAULTY.every((each) => result[each].length === 0)) return;
  totals.failed += 1;
  for (const each of FAULTY)
    for (const text of result[each].slice(0, SHOWN)) say(`  ${each}: ${text}`);
  say(`  logs: ${await stands.discard(stand)}`);
  say(
    `  again: npm run test:crash -- --rounds 1 --seed ${seed} --only ${plan.kind} --mode ${plan.stand.mode}`,
  );
}

const NOTHING: RoundResult = {
  lost: [],
  stuck: [],
  doubled: [],
  wrong: [],
  hung: [],
  started: 0,
  acknowledged: 0,
  turnedAway: 0,
  readyAfter: Number.POSITIVE_INFINITY,
};

/** Follows from seed and kind alone, so that a round can be repeated by itself. */
function planOf(
  seed: number,
  kind: Kind,
  wanted: Mode | undefined,
): { readonly kind: Kind; readonly stand: StandOptions } {
  const random = seeded(seed ^ 0x5eed);
  const { modes, smallDisk = false } = faultOf(kind);
  const drawn = random.pick(modes);
  const mode = wanted !== undefined && modes.includes(wanted) ? wanted : drawn;
  const exclusive = mode === "embedded" || random.chance(0.5);
  return { kind, stand: { mode, seed, smallDisk, exclusive } };
}

/** Stands that are open, by what they are. */
class Stands {
  readonly #open = new Map<string, { readonly stand: Stand; rounds: number }>();

  async get(options: StandOptions): Promise<Stand | undefined> {
    const name = nameOf(options);
    const found = this.#open.get(name);
    if (found !== undefined && found.rounds++ < ROUNDS_PER_STAND) return found.stand;
    await this.#end(name, false);
    const stand = await openStand(options);
    // A small disk is filled once.
    if (stand !== undefined)
      this.#open.set(name, { stand, rounds: options.smallDisk ? ROUNDS_PER_STAND : 1 });
    return stand;
  }

  /** Ends it and gives the folder with its logs. */
  async discard(stand: Stand): Promise<string> {
    await this.#end(nameOf(stand), true);
    return stand.folder;
  }

  async close(): Promise<void> {
    for (const name of this.#open.keys()) await this.#end(name, false);
  }

  async #end(name: string, keepLogs: boolean): Promise<void> {
    const found = this.#open.get(name);
    this.#open.delete(name);
    await found?.stand.close(keepLogs);
  }
}

function nameOf({ mode, smallDisk, exclusive }: StandOptions): string {
  return `${mode} ${smallDisk} ${exclusive}`;
}
