/**
 * `node bench/page.ts FILE`: puts the figures of a run's file (`npm run bench -- --json FILE`) between the markers of
 * docs/PERFORMANCE.md. The prose around them is written by hand.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describeMachine } from "./machine.ts";
import { linesOf, type Ratioed, type RunFile } from "./table.ts";

const PAGE = new URL("../docs/PERFORMANCE.md", import.meta.url);
const BEGIN = "<!-- figures: made by bench/page.ts -->";
const END = "<!-- end of figures -->";

/** The page with what stands between its markers replaced. @throws when the page has no markers */
export function withFigures(page: string, run: RunFile): string {
  const [before, rest] = split(page, BEGIN);
  const [, after] = split(rest, END);
  return `${before}${BEGIN}\n\n${figures(run)}\n\n${END}${after}`;
}

function split(text: string, marker: string): readonly [string, string] {
  const at = text.indexOf(marker);
  if (at < 0) throw new Error(`there is no ${marker}`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}

function figures({ date, quick, machine, figures }: RunFile): string {
  const machineLines = describeMachine(machine).map((line) => `- ${line}`);
  const groups = Map.groupBy(figures, ({ name }) => name.split(".")[0] ?? name);
  return [
    `${quick ? "A quick run" : "A run"} of ${date} on`,
    "",
    ...machineLines,
    "",
    [...groups].map(([name, members]) => section(name, members)).join("\n\n"),
  ].join("\n");
}

const TITLES: Readonly<Record<string, string>> = {
  "three-activities": "Three activities, at saturation",
  "one-activity": "One activity, at saturation",
  "many-callers": "One activity, beside queues at their best",
  latency: "Start to end, at a fixed rate",
  http: "Over HTTP",
  million: "A million instances",
  jq: "jq",
};

function section(name: string, members: readonly Ratioed[]): string {
  const rows = members
    .flatMap(linesOf)
    .map(({ what, value, unit, ratio, pgbench, note }) =>
      row([what.replace(/^ {2}/, "… "), value, unit, ratio, pgbench, note]),
    );
  return [
    `### ${TITLES[name] ?? name}`,
    "",
    row(["", "figure", "unit", "ours / theirs", "pgbench", "note"]),
    "|---|--:|---|--:|--:|---|",
    ...rows,
  ].join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").trim()).join(" | ")} |`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const run = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as RunFile;
  writeFileSync(PAGE, withFigures(readFileSync(PAGE, "utf8"), run));
}
