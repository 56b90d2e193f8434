/** The jq language's figures, in a process of their own: their peers are other JavaScript engines, no database plays a part. */
import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Group } from "../bench.ts";
import type { Figure } from "../figure.ts";

const MODULE = join(import.meta.dirname, "..", "jq", "bench.ts");
/** Seconds after which it is ended. */
const LIMIT = 300;

export const jq: Group = {
  name: "jq",
  run: async ({ quick }) =>
    existsSync(MODULE) ? inProcess(quick) : [missing("there is none here")],
};

function inProcess(quick: boolean): Promise<readonly Figure[]> {
  const child = fork(join(import.meta.dirname, "jq-process.ts"), [MODULE, String(quick)], {
    timeout: LIMIT * 1000,
    killSignal: "SIGKILL",
    silent: true,
  });
  return new Promise((resolve) => {
    let last = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => (last = text.trim().slice(-200)));
    child.once("message", (figures) => resolve(figures as readonly Figure[]));
    child.once("exit", (code, signal) =>
      resolve([missing(`ended with ${code ?? signal}: ${last.split("\n").at(-1)}`)]),
    );
  });
}

function missing(note: string): Figure {
  const common = { unit: "ns", better: "lower", peers: [] } as const;
  return { ...common, name: "jq", title: "jq evaluations", value: null, note };
}
