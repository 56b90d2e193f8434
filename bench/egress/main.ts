/** `node bench/egress/main.ts [--quick]`: prints what the egress boundary costs; as a child process, reports it instead. */
import { ratio } from "../figure.ts";
import { formatNumber, formatRatio } from "../table.ts";
import { egressBench } from "./bench.ts";

const figures = await egressBench({ quick: process.argv.includes("--quick") });
if (process.send !== undefined) process.send(figures, () => process.exit(0));
else {
  for (const figure of figures) {
    const { title, value, unit, note = "", peers } = figure;
    console.log(`${title}: ${value === null ? "–" : formatNumber(value)} ${unit} (${note})`);
    for (const peer of peers) {
      const other = peer.value === null ? "–" : formatNumber(peer.value);
      console.log(
        `  ${peer.name}: ${other} ${unit}, ${formatRatio(ratio(figure, peer.value) ?? null)}`,
      );
    }
  }
}
