/** A process of the simulator: arguments are its first seed, the seed at which to stop, and the step between two of its own. */
import { addFigures, noFigures, type Share } from "./run.ts";
import { type SimulationReport, simulateSeed } from "./simulation.ts";
import { addTally, newTally } from "./sometimes.ts";

const [first = 0, end = 0, step = 1] = process.argv.slice(2).map(Number);
/** Seeds between two reports. */
const SHARE = 20;

for (let seed = first; seed < end; ) {
  const share = { seeds: 0, tally: newTally(), figures: noFigures() };
  const failures: SimulationReport[] = [];
  while (seed < end && share.seeds < SHARE && failures.length === 0) {
    const report = await simulateSeed(seed);
    share.seeds += 1;
    addTally(share.tally, report.tally);
    addFigures(share.figures, report.figures);
    if (report.violation !== undefined) failures.push(report);
    seed += step;
  }
  const told: Share = { ...share, failures };
  await new Promise((resolve) => process.send?.(told, resolve));
}
process.disconnect();
