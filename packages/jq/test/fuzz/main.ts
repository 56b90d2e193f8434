/**
 * `npm run fuzz:jq -- --count N --seed S [--jq PATH]`: as many generated programs with inputs, here and in the real jq. Ends
 * with 1 when one differs in a way that is not listed, and says how to see it again.
 *
 * `--program P --input JSON` compares one program; `--from N` starts at a later case of the seed.
 */
import { parseArgs } from "node:util";
import type { Json } from "../../src/index.ts";
import { campaign, findings } from "./campaign.ts";
import { explain } from "./differences.ts";
import type { Finding } from "./differences.ts";
import { Reference } from "./reference.ts";
import { describeSummary, replay } from "./report.ts";
import { shrink } from "./shrink.ts";

/** Findings made small and shown; the rest are counted. */
const SHOWN = 20;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    jq: { type: "string", default: "jq" },
    program: { type: "string" },
    input: { type: "string", default: "null" },
  },
});

const say = (text: string): void => void process.stdout.write(`${text}\n`);
const reference = new Reference(values.jq);
try {
  process.exitCode = values.program === undefined ? await fuzz() : await compareOne(values.program);
} finally {
  reference.close();
}

function show(finding: Finding): string {
  const { here, there } = finding;
  return `  here  ${JSON.stringify(here)}\n  there ${JSON.stringify(there)}`;
}

async function compareOne(program: string): Promise<number> {
  const input = JSON.parse(values.input) as Json;
  const [finding] = await findings(reference, [{ program, input }]);
  if (finding === undefined) throw new Error("no finding for a case");
  const known = explain(finding, reference.version);
  const verdict = known === undefined ? `differ: ${finding.distance}` : `listed: ${known.name}`;
  say(`${show(finding)}\n${finding.distance === "none" ? "equal" : verdict}`);
  return finding.distance === "none" || known !== undefined ? 0 : 1;
}

async function fuzz(): Promise<number> {
  const seed = Number(values.seed);
  const count = Number(values.count);
  const started = performance.now();
  const summary = await campaign(reference, { seed, from: Number(values.from), count }, (done) => {
    if (done % 20_000 === 0) say(`${done} of ${count}`);
  });
  const seconds = (performance.now() - started) / 1000;
  say(`jq ${reference.version}, seed ${seed}, ${seconds.toFixed(0)} s`);
  say(describeSummary(summary));
  const seen = new Set<string>();
  for (const found of summary.unlisted.slice(0, SHOWN)) {
    const small = await shrink(reference, found);
    const command = replay(small, values.jq);
    if (seen.has(command)) continue;
    seen.add(command);
    say(`case ${found.index} of seed ${seed}\n${command}\n${show(small)}`);
  }
  return summary.unlisted.length === 0 ? 0 : 1;
}
