/** The table that a run prints, and the file it writes. */
import { type Figure, ratio } from "./figure.ts";
import { describeMachine, type Machine } from "./machine.ts";

/** A figure with each of its ratios: how many times as good ours is. */
export interface Ratioed extends Figure {
  readonly ratios: {
    readonly pgbench: number | null;
    readonly peers: Readonly<Record<string, number | null>>;
  };
}

/** What `--json` writes and the page is made from. */
export interface RunFile {
  /** ISO 8601, the day alone. */
  readonly date: string;
  readonly quick: boolean;
  /** True when the machine was so busy that some medians are of fewer rounds. */
  readonly cut: boolean;
  readonly machine: Machine;
  readonly figures: readonly Ratioed[];
}

export function withRatios(figure: Figure): Ratioed {
  const peers = figure.peers.map(({ name, value }) => [name, ratio(figure, value) ?? null]);
  const pgbench = ratio(figure, figure.pgbench) ?? null;
  return { ...figure, ratios: { pgbench, peers: Object.fromEntries(peers) } };
}

export function formatNumber(value: number): string {
  const size = Math.abs(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
  return value.toLocaleString("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** `12.3 ×`, always of ours to theirs, above 1 when ours is the better. */
export function formatRatio(value: number | null): string {
  return value === null ? "" : `${formatNumber(value)} ×`;
}

/** A line for the figure, one for each peer. */
export interface Line {
  readonly what: string;
  readonly value: string;
  readonly unit: string;
  readonly ratio: string;
  readonly pgbench: string;
  readonly note: string;
}

export function linesOf(figure: Ratioed): readonly Line[] {
  const { title, unit, value, note = "", pgbench, ratios } = figure;
  const own: Line = {
    what: title,
    value: value === null ? "–" : formatNumber(value),
    unit,
    ratio: "",
    pgbench:
      pgbench === undefined ? "" : `${formatRatio(ratios.pgbench)} of ${formatNumber(pgbench)}`,
    note,
  };
  const peers = figure.peers.map(
    (peer): Line => ({
      what: `  ${peer.name}`,
      value: peer.value === null ? "–" : formatNumber(peer.value),
      unit: peer.value === null ? "" : unit,
      ratio: formatRatio(ratios.peers[peer.name] ?? null),
      pgbench: "",
      note: peer.reason ?? "",
    }),
  );
  return [own, ...peers];
}

/** What a reader must know before the figures; empty for a whole run. */
export function warningsOf({ quick, cut }: Pick<RunFile, "quick" | "cut">): readonly string[] {
  return [
    ...(quick ? ["Quick run: short and taken once, good for a look and no more."] : []),
    ...(cut ? ["The machine was busy with other work: some medians are of fewer rounds."] : []),
  ];
}

export function table({ machine, figures, quick, cut }: RunFile): string {
  const head: Line = {
    what: "",
    value: "",
    unit: "",
    ratio: "ours / theirs",
    pgbench: "pgbench",
    note: "",
  };
  const lines = [head, ...figures.flatMap(linesOf)];
  const width = (key: keyof Line): number => Math.max(...lines.map((line) => line[key].length));
  const [what, value, unit, ratio, pgbench] = (
    ["what", "value", "unit", "ratio", "pgbench"] as const
  ).map(width) as [number, number, number, number, number];
  const rows = lines.map((line) =>
    [
      line.what.padEnd(what),
      line.value.padStart(value),
      line.unit.padEnd(unit),
      line.ratio.padStart(ratio),
      line.pgbench.padStart(pgbench),
      line.note,
    ]
      .join("  ")
      .trimEnd(),
  );
  return [...describeMachine(machine), ...warningsOf({ quick, cut }), "", ...rows].join("\n");
}
