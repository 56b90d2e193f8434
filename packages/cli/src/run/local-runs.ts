/** What workflows may run where whoever starts them is who wrote them: on this machine, for themselves. */
import type { Config } from "@millrace/server";

/** Settings for `dev` and `run`, unless the environment says otherwise. */
export function localRuns(
  environment: Readonly<Record<string, string | undefined>>,
): Partial<Pick<Config, "runs" | "runIsolation">> {
  return {
    ...(environment["MILLRACE_RUNS"] === undefined ? { runs: ["shell", "script", "mcp"] } : {}),
    ...(environment["MILLRACE_RUN_ISOLATION"] === undefined ? { runIsolation: "process" } : {}),
  };
}
