/** What commands write: results on standard output, everything else on standard error. */

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One line, whatever was put in it. */
export function complain(line: string): void {
  process.stderr.write(`${plain(line)}\n`);
}

/** Text from elsewhere as a terminal may have it: control characters, line ends included, are written as escapes. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (character) => {
    const named = JSON.stringify(character).slice(1, -1);
    return named === character ? `\\u00${character.charCodeAt(0).toString(16)}` : named;
  });
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

/** Columns of equal width, two spaces apart, under a heading in capitals; `none` when there are no rows. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  none: string,
): string {
  if (rows.length === 0) return none;
  const all = [
    headings.map((heading) => heading.toUpperCase()),
    ...rows.map((row) => row.map(plain)),
  ];
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => (row[column] ?? "").length)),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** `2026-11-21 03:20:11`, UTC. */
export function instant(rfc3339: string | undefined): string {
  return rfc3339 === undefined ? "-" : rfc3339.slice(0, 19).replace("T", " ");
}

/** `12 ms`, `3.4 s`, `2 m 5 s`. */
export function elapsed(milliseconds: number): string {
  if (milliseconds < 1_000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1_000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1_000);
  return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
}

/** `517 bytes`, `32.1 KiB`, `8 MiB`. */
export function bytesText(bytes: number): string {
  let [size, unit] = [bytes, "bytes"];
  for (const next of ["KiB", "MiB", "GiB", "TiB"]) {
    if (size < 1024) break;
    [size, unit] = [size / 1024, next];
  }
  return `${Number(size.toFixed(1))} ${unit}`;
}

/** Lines of a value that are shown. */
const MOST_LINES = 200;
const LONGEST_LINE = 2_000;

/** A value as lines; of a long one the first, and how to see the rest. */
export function valueLines(value: unknown): readonly string[] {
  const text = JSON.stringify(value, null, 2);
  const lines = text.split("\n");
  const shown = lines
    .slice(0, MOST_LINES)
    .map((line) => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE - 1)}…` : line));
  if (shown.every((line, at) => line === lines[at]) && lines.length <= MOST_LINES) return lines;
  const size = bytesText(Buffer.byteLength(JSON.stringify(value)));
  return [...shown, `… ${size} in all: -o json has the rest`];
}
