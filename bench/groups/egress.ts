/** What the egress boundary costs, in a process of its own: no database plays a part. */
import { fork } from "node:child_process";
import { join } from "node:path";
import type { Group } from "../bench.ts";
import type { Figure } from "../figure.ts";

const MAIN = join(import.meta.dirname, "..", "egress", "main.ts");
/** Seconds after which it is ended. */
const LIMIT = 120;

export const egress: Group = {
  name: "egress",
  run: ({ quick }) => {
    const options = { timeout: LIMIT * 1000, killSignal: "SIGKILL" } as const;
    const child = fork(MAIN, quick ? ["--quick"] : [], options);
    return new Promise((resolve, reject) => {
      child.once("message", (figures) => resolve(figures as readonly Figure[]));
      child.once("exit", (code, signal) => reject(new Error(`ended with ${code ?? signal}`)));
    });
  },
};
