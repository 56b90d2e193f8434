/** Ten million schedules in one database: how late do instances start, and who waits when very many are due at once? */
import { fork } from "node:child_process";
import { join } from "node:path";
import type { Bench, Group } from "../bench.ts";
import type { Figure } from "../figure.ts";
import { withDatabase } from "../postgres.ts";
import type { SchedulesJob } from "../schedules/main.ts";

const MAIN = join(import.meta.dirname, "..", "schedules", "main.ts");
/** Seconds after which it is ended; most of them go into laying the schedules up. */
const LIMIT = 1_800;

export const schedules: Group = {
  name: "schedules",
  async run({ postgres, quick }) {
    const steady = await measured(postgres, {
      count: quick ? 100_000 : 10_000_000,
      rate: 2_000,
      seconds: quick ? 10 : 60,
    });
    const burst = await measured(postgres, {
      count: quick ? 10_000 : 100_000,
      rate: 0,
      seconds: 0,
    });
    return [...steady, ...burst];
  },
};

function measured(
  postgres: Bench["postgres"],
  job: Omit<SchedulesJob, "url">,
): Promise<readonly Figure[]> {
  return withDatabase(postgres, (url) => {
    const env = { ...process.env, BENCH_SCHEDULES: JSON.stringify({ ...job, url }) };
    const child = fork(MAIN, { env, timeout: LIMIT * 1000, killSignal: "SIGKILL" });
    return new Promise<readonly Figure[]>((resolve, reject) => {
      child.once("message", (figures) => resolve(figures as readonly Figure[]));
      child.once("exit", (code, signal) => reject(new Error(`ended with ${code ?? signal}`)));
    });
  });
}
