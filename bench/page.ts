/**
 * `node bench/page.ts FILE`: puts the figures of a run's file (`npm run bench -- --json FILE`) between the markers of
 * docs/PERFORMANCE.md. The prose around them is written by hand.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { describeMachine } from "./machine.ts";
import {
  formatNumber,
  formatRatio,
  linesOf,
  type Ratioed,
  type RunFile,
  warningsOf,
} from "./table.ts";

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

function figures({ date, quick, cut, machine, figures }: RunFile): string {
  const lines = [...describeMachine(machine), ...warningsOf({ quick, cut })];
  const groups = Map.groupBy(figures, ({ name }) => name.split(".")[0] ?? name);
  return [
    `A run of ${date} on`,
    "",
    ...lines.map((line) => `- ${line}`),
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
  messages: "Messages",
  payloads: "Large payloads",
  jq: "jq",
};

function section(name: string, members: readonly Ratioed[]): string {
  const tables = tablesOf(members).map(tableOf);
  return [`### ${TITLES[name] ?? name}`, ...tables].join("\n\n");
}

/** Figures in a table above which each row has its own note. */
const MANY = 6;

/** Figures in a row that have the same peers, or none, share a table with a column for each peer. */
function tablesOf(members: readonly Ratioed[]): readonly (readonly Ratioed[])[] {
  const tables: Ratioed[][] = [];
  for (const figure of members) {
    const last = tables.at(-1);
    const known = last === undefined ? [] : peersOf(last);
    const own = peersOf([figure]);
    const fits = own.length === 0 || known.length === 0 || known.join() === own.join();
    if (last !== undefined && fits) last.push(figure);
    else tables.push([figure]);
  }
  return tables;
}

function peersOf(figures: readonly Ratioed[]): readonly string[] {
  return figures.find(({ peers }) => peers.length > 0)?.peers.map(({ name }) => name) ?? [];
}

function tableOf(figures: readonly Ratioed[]): string {
  const peers = peersOf(figures);
  const pgbench = figures.some((figure) => figure.pgbench !== undefined) ? ["pgbench"] : [];
  // The notes of many figures would be a text of their own.
  const noted = figures.length > MANY && figures.some(({ note }) => note !== undefined);
  const head = ["", "Millrace", "unit", ...pgbench, ...peers, ...(noted ? ["note"] : [])];
  const rows = figures.map((figure) => {
    const [own, ...others] = linesOf(figure);
    const { value = "", unit = "" } = own ?? {};
    const theirs = others.map((line) =>
      [line.value, ...[line.ratio, line.note].filter(Boolean).map((text) => `(${text})`)].join(" "),
    );
    const beside = figure.pgbench === undefined ? "" : besidePgbench(figure.pgbench, figure);
    const empty = peers.slice(theirs.length).map(() => "");
    const cells = [value, unit, ...pgbench.map(() => beside), ...theirs, ...empty];
    return row([titleOf(figure), ...cells, ...(noted ? [figure.note ?? ""] : [])]);
  });
  const align = head.map((name, index) =>
    index === 0 || index === 2 || name === "note" ? "---" : "--:",
  );
  return [row(head), `|${align.join("|")}|`, ...rows, ...(noted ? [] : notesOf(figures))].join(
    "\n",
  );
}

function besidePgbench(value: number, { ratios }: Ratioed): string {
  const beside = ratios.pgbench === null ? "" : ` (${formatRatio(ratios.pgbench)})`;
  return `${formatNumber(value)}${beside}`;
}

/** A title that is a program is set as one. */
function titleOf({ title }: Ratioed): string {
  return /[|[\]{}\\*_<>$=]/.test(title) || title.startsWith(".") ? `\`${title}\`` : title;
}

/** Below the table; a note of several figures once. */
function notesOf(figures: readonly Ratioed[]): readonly string[] {
  const notes = Map.groupBy(
    figures.filter(({ note }) => note !== undefined),
    ({ note }) => note,
  );
  if (notes.size === 0) return [];
  const all = notes.size === 1 && figures.length === [...notes.values()][0]?.length;
  const texts = [...notes].map(([note, of]) =>
    all || figures.length === 1 ? `${note}` : `${of.map(titleOf).join(", ")}: ${note}`,
  );
  return ["", ...texts.map((text) => `- ${text}`)];
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").trim()).join(" | ")} |`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const run = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")) as RunFile;
  writeFileSync(PAGE, withFigures(readFileSync(PAGE, "utf8"), run));
}
