/** jq evaluations per second beside other engines: `node bench/jq/main.ts [--quick] [--json FILE]`. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Figure } from "../figure.ts";
import { ratio } from "../figure.ts";
import { jqBench } from "./bench.ts";

const { values } = parseArgs({
  options: { quick: { type: "boolean" }, json: { type: "string" } },
});

function cell(figure: Figure, at: number): string {
  const peer = figure.peers[at];
  if (peer === undefined || peer.value === null) return "–";
  const times = ratio(figure, peer.value) ?? Number.NaN;
  return `${times >= 100 ? times.toFixed(0) : times.toFixed(1)}×`;
}

/** Nanoseconds or microseconds per evaluation, whichever reads better. */
function duration(rate: number): string {
  const ns = 1e9 / rate;
  return ns < 10_000 ? `${ns.toFixed(0)} ns` : `${(ns / 1000).toFixed(1)} µs`;
}

const figures = await jqBench({ quick: values.quick === true });
const names = figures[0]?.peers.map(({ name }) => name.replace(/ .*/, "")) ?? [];
const rows = [
  ["", "here", "", ...names.map((name) => `× ${name}`)],
  ...figures.map((figure) => [
    figure.name,
    `${Math.round(figure.value ?? 0)}/s`,
    duration(figure.value ?? 0),
    ...names.map((_, at) => cell(figure, at)),
  ]),
];
const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
for (const row of rows) {
  const [first = "", ...rest] = row.map((text, at) =>
    at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0),
  );
  console.log([first, ...rest].join("  "));
}
const failed = figures.flatMap((figure) =>
  figure.peers.flatMap(({ name, reason }) =>
    reason === undefined || reason === "no equivalent"
      ? []
      : [`${figure.name}: ${name}: ${reason}`],
  ),
);
if (failed.length > 0) console.log(`\nNot compared:\n${failed.join("\n")}`);
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(figures, null, 2)}\n`);
