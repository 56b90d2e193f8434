/** What a round has left behind, seen from outside: through the API, at the effects, and in the tables of open waits. */
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Load, Started } from "./load.ts";
import type { Stand } from "./stand.ts";

/** Everything here has to be empty; each text says what and where. */
export interface Verdict {
  /** Acknowledged, and not there; or ended without having done what it owes. */
  readonly lost: string[];
  /** Not ended in time. */
  readonly stuck: string[];
  /** A key with two instances, or an effect that was carried out twice. */
  readonly doubled: string[];
  /** Ended otherwise than it should, a history with a gap, rows of waits that nobody waits for. */
  readonly wrong: string[];
}

/** From the end of the fault, in milliseconds. */
const LIMIT_MS = 60_000;
const AT_ONCE = 8;
const REPEATED = 50;

export async function judge(stand: Stand, load: Load): Promise<Verdict> {
  const verdict: Verdict = { lost: [], stuck: [], doubled: [], wrong: [] };
  const last = performance.now() + LIMIT_MS;
  const completed = new Set<Started>();
  const waiting = load.started.values();
  const worker = async (): Promise<void> => {
    for (const one of waiting)
      if (one.id !== undefined && (await judgeInstance(stand, one, one.id, last, verdict)))
        completed.add(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await judgeRest(stand, last, verdict);
  for (const one of load.started) judgeEffects(stand, one, completed.has(one), verdict);
  // A few are enough: each start has been sent again already when its answer was lost.
  for (const one of [...completed].slice(0, REPEATED)) await load.again(one, last);
  for (const { key, id, otherIds } of load.started) {
    if (id === undefined) verdict.stuck.push(`${key}: no start with this key was acknowledged`);
    if (otherIds.length > 0) verdict.doubled.push(`${key}: ${id} and ${otherIds.join(", ")}`);
  }
  return verdict;
}

interface View {
  readonly id: string;
  readonly status: string;
}
const ENDED = new Set(["completed", "faulted", "cancelled"]);

/** True when it has completed. */
async function judgeInstance(
  stand: Stand,
  { key }: Started,
  id: string,
  last: number,
  { lost, stuck, wrong }: Verdict,
): Promise<boolean> {
  const view = await ended(stand, id, last);
  if (view === undefined) lost.push(`${key}: instance ${id} is not there`);
  else if (!ENDED.has(view.status)) stuck.push(`${key}: ${id} is ${view.status}`);
  else if (view.status !== "completed") wrong.push(`${key}: ${id} is ${view.status}`);
  if (view === undefined || !ENDED.has(view.status)) return false;
  const gap = await historyGap(stand, id);
  if (gap !== undefined) wrong.push(`${key}: ${id}: ${gap}`);
  return view.status === "completed";
}

function judgeEffects(
  { effects }: Stand,
  { key, workflow }: Started,
  isCompleted: boolean,
  { lost, doubled }: Verdict,
): void {
  for (const step of workflow.steps) {
    const times = effects.applied.get(`${key}/${step}`) ?? 0;
    const callers = effects.callers.get(`${key}/${step}`) ?? new Set();
    if (times === 0 && isCompleted) lost.push(`${key}: completed without step ${step}`);
    if (times > 1) doubled.push(`${key}: step ${step} was carried out ${times} times`);
    if (callers.size > 1) doubled.push(`${key}: step ${step} by ${[...callers].join(" and ")}`);
  }
}

/** The instance as it is once it has ended, or when time is up; undefined when the server knows none. */
async function ended({ server }: Stand, id: string, last: number): Promise<View | undefined> {
  for (;;) {
    const answer = await fetch(`${server.url}/v1/instances/${id}`).catch(() => undefined);
    const view = await readJson<View>(answer);
    if (answer?.status === 404) return undefined;
    if (view !== undefined && ENDED.has(view.status)) return view;
    if (performance.now() > last) return view ?? { id, status: "out of reach" };
    await sleep(100);
  }
}

async function historyGap({ server }: Stand, id: string): Promise<string | undefined> {
  let expected = 1;
  for (let after = 0; ; after = expected - 1) {
    const url = `${server.url}/v1/instances/${id}/history?after=${after}`;
    const answer = await fetch(url).catch(() => undefined);
    const page = await readJson<{ readonly items: readonly { readonly seq: number }[] }>(answer);
    if (page === undefined) return `its history cannot be read (${answer?.status ?? "no answer"})`;
    if (page.items.length === 0) return undefined;
    for (const { seq } of page.items)
      if (seq !== expected++) return `fact ${expected - 1} is missing, ${seq} follows`;
  }
}

async function readJson<T>(answer: Response | undefined): Promise<T | undefined> {
  const text = await answer?.text().catch(() => undefined);
  return answer?.ok === true && text !== undefined ? (JSON.parse(text) as T) : undefined;
}

/** Instances that were never acknowledged, and children, have to end as well; then no row of a wait is left. */
async function judgeRest({ database }: Stand, last: number, verdict: Verdict): Promise<void> {
  for (;;) {
    const open = await openThings(database.url()).catch((error: unknown) => String(error));
    if (open === "") return;
    if (performance.now() > last) return void verdict.stuck.push(open);
    await sleep(200);
  }
}

/** Empty when there are none. */
async function openThings(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {});
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, string>>(
      `SELECT (SELECT count(*) FROM instances) AS instances,
              (SELECT count(*) FROM activities) AS activities, (SELECT count(*) FROM timers) AS timers,
              (SELECT count(*) FROM children) AS children, (SELECT count(*) FROM inbox) AS inbox`,
    );
    const left = Object.entries(rows[0] ?? {}).filter(([, count]) => count !== "0");
    return left.map(([table, count]) => `${count} open ${table}`).join(", ");
  } finally {
    await client.end();
  }
}
