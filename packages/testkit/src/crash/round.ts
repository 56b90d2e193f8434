/** One round: load, a fault at a random moment, more load, then the verdict. */
import { setTimeout as sleep } from "node:timers/promises";
import { faultOf, type Kind } from "./faults.ts";
import { Load } from "./load.ts";
import { Prober, untilReady } from "./prober.ts";
import { seeded } from "./random.ts";
import type { Stand } from "./stand.ts";
import { judge, type Verdict } from "./verdict.ts";

export interface RoundResult extends Verdict {
  /** Answers that never came. */
  readonly hung: string[];
  readonly started: number;
  readonly acknowledged: number;
  /** Answers 503 with `Retry-After`. */
  readonly turnedAway: number;
  /** Milliseconds from the end of the fault until the server said that it is ready. */
  readonly readyAfter: number;
}

/** The server finds its database again, whatever happened. */
const READY_LIMIT_MS = 60_000;

/** @param turn tells the keys of this round from those of another on the same stand */
export async function runRound(
  stand: Stand,
  kind: Kind,
  seed: number,
  turn: number,
): Promise<RoundResult> {
  const fault = faultOf(kind);
  const random = seeded(seed);
  await untilReady(stand, READY_LIMIT_MS);
  const deaths = stand.server.deaths;
  const load = new Load(stand, seeded(seed + 1), `${seed}-${turn}`);
  const prober = new Prober(stand);
  await load.start();
  await sleep(random.between(200, 1_500));
  prober.start();
  await fault.run(stand, random);
  const over = performance.now();
  const readyAfter = await untilReady(stand, READY_LIMIT_MS).then(
    () => performance.now() - over,
    () => Number.POSITIVE_INFINITY,
  );
  await sleep(random.between(100, 500));
  await Promise.all([load.stop(), prober.stop()]);
  const verdict = await judge(stand, load);
  const { hung, wrong } = load.complaints;
  verdict.wrong.push(...wrong);
  const died = stand.server.deaths - deaths;
  if (died > 0 && fault.mayEnd !== true)
    verdict.wrong.push(`the server ended by itself, ${died} times`);
  if (fault.isNoticed === true && prober.answers.unready + prober.answers.gone === 0)
    verdict.wrong.push("the server said all the time that it was ready");
  if (fault.turnsAway === true && load.turnedAway === 0)
    verdict.wrong.push("nobody was turned away while the database did not answer");
  verdict.wrong.push(...(await repairs(stand)));
  return {
    ...verdict,
    hung: [...hung, ...prober.hung],
    started: load.started.length,
    acknowledged: load.started.filter(({ id }) => id !== undefined).length,
    turnedAway: load.turnedAway,
    readyAfter,
  };
}

/** The reconciler repairs what should not happen: an instance that nothing would have woken. */
async function repairs({ server }: Stand): Promise<readonly string[]> {
  const answer = await fetch(`${server.url}/metrics`).catch(() => undefined);
  const line = /^millrace_reconciler_repairs_total (\d+)$/m.exec((await answer?.text()) ?? "");
  if (line === null) return ["the server's metrics cannot be read"];
  return line[1] === "0" ? [] : [`the reconciler had to repair ${line[1]} instances`];
}
