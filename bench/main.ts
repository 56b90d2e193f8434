/**
 * `npm run bench [-- --json FILE] [--only NAME] [--quick]`: every figure in one go, on one PostgreSQL.
 *
 * Progress goes to stderr and the table to stdout. `--only` takes the first part of a figure's name, or all of it, and may
 * be repeated. Exits 1 when a figure of ours could not be measured; a peer that does not run here is named with its reason.
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Bench, Group } from "./bench.ts";
import type { Figure } from "./figure.ts";
import { egress } from "./groups/egress.ts";
import { events } from "./groups/events.ts";
import { jq } from "./groups/jq.ts";
import { latency } from "./groups/latency.ts";
import { messages } from "./groups/messages.ts";
import { million } from "./groups/million.ts";
import { payloads } from "./groups/payloads.ts";
import { manyCallers, oneActivity, overHttp, threeActivities } from "./groups/saturation.ts";
import { schedules } from "./groups/schedules.ts";
import { machine } from "./machine.ts";
import { findPgbench } from "./pgbench.ts";
import { factsOf, startPostgres } from "./postgres.ts";
import { installPeers } from "./programs.ts";
import { type RunFile, table, withRatios } from "./table.ts";

const GROUPS: readonly Group[] = [
  threeActivities,
  oneActivity,
  manyCallers,
  latency,
  overHttp,
  million,
  schedules,
  events,
  egress,
  payloads,
  messages,
  jq,
];

const { values } = parseArgs({
  options: {
    json: { type: "string" },
    only: { type: "string", multiple: true, default: [] },
    quick: { type: "boolean", default: false },
  },
});
const { only, quick } = values;
const groups = GROUPS.filter(
  ({ name }) => only.length === 0 || only.some((wanted) => within(wanted, name)),
);
if (groups.length === 0) {
  console.error(
    `--only: expected ${GROUPS.map(({ name }) => name).join(", ")}, or a figure's name`,
  );
  process.exit(2);
}
// An interrupted run ends PostgreSQL and whoever is being measured: both go with this process's exit.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

const run = await runAll();
console.log(table(run));
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(run, undefined, 2)}\n`);
process.exit(run.figures.some(({ value }) => value === null) ? 1 : 0);

async function runAll(): Promise<RunFile> {
  const noPeers = await installPeers();
  if (noPeers !== undefined) console.error(noPeers);
  const postgres = await startPostgres();
  try {
    const pgbench = await findPgbench(postgres);
    const where = machine(await factsOf(postgres.url), pgbench?.version);
    let cut = false;
    const bench: Bench = {
      postgres,
      quick,
      log: (line) => console.error(line),
      onCut: () => (cut = true),
      ...(pgbench === undefined ? {} : { pgbench }),
      ...(noPeers === undefined ? {} : { noPeers }),
    };
    const figures: Figure[] = [];
    for (const group of groups) figures.push(...(await runGroup(group, bench)));
    const date = new Date().toISOString().slice(0, 10);
    return { date, quick, cut, machine: where, figures: figures.map(withRatios) };
  } finally {
    await postgres.stop();
  }
}

/** A group that fails stands in the table with its reason; the others go on. */
async function runGroup(group: Group, bench: Bench): Promise<readonly Figure[]> {
  const since = performance.now();
  bench.log(`${group.name}:`);
  try {
    const figures = await group.run(bench);
    return figures.filter(
      ({ name }) => only.length === 0 || only.some((wanted) => within(name, wanted)),
    );
  } catch (error) {
    const { name } = group;
    const note = String(error);
    return [{ name, title: name, value: null, unit: "", better: "higher", peers: [], note }];
  } finally {
    bench.log(`  ${((performance.now() - since) / 1000).toFixed(0)} s`);
  }
}

/** Whether `part` is `whole` or the first names of it. */
function within(whole: string, part: string): boolean {
  return whole === part || whole.startsWith(`${part}.`);
}
