/** What a run was measured on: figures without it say nothing. Names neither the host nor any path. */
import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";
import type { PostgresFacts } from "./postgres.ts";

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly postgres: PostgresFacts;
  /** As it calls itself; absent when there was none. */
  readonly pgbench?: string;
  /** Processes that wanted to run, averaged over the minute before; well above 0 means that others were busy too. */
  readonly loadBefore: number;
  readonly millrace: string;
}

export function machine(postgres: PostgresFacts, pgbench: string | undefined): Machine {
  const [load = 0] = loadavg();
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.versions.node,
    postgres,
    ...(pgbench === undefined ? {} : { pgbench }),
    loadBefore: Math.round(load * 10) / 10,
    millrace: version(),
  };
}

function version(): string {
  const text = readFileSync(new URL("../packages/server/package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

export function describeMachine(of: Machine): readonly string[] {
  const settings = Object.entries(of.postgres.settings).map(([name, value]) => `${name} ${value}`);
  return [
    `${of.cores} cores of ${of.processor}, ${of.memoryGiB} GiB, ${of.system}; load before the run ${of.loadBefore}`,
    `Millrace ${of.millrace}, Node.js ${of.node}, PostgreSQL ${of.postgres.version} (${settings.join(", ")})`,
    of.pgbench ?? "no pgbench here: its ratios are left out",
  ];
}
