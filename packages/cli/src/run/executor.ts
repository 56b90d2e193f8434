import type { RunsConfig } from "@millrace/server";
import type { DocumentFetcher } from "@millrace/server/external";
import type { ActivityExecutor } from "@millrace/server/local";
import type { SecretValues } from "./secrets.ts";

type Closable = ActivityExecutor & DocumentFetcher & { close(): Promise<void> };

/** Does a run's activities, loopback included. Loaded with the first activity: a run without calls starts faster. */
export function lazyExecutor(runs: RunsConfig, secrets: SecretValues): Closable {
  let loading: Promise<Closable> | undefined;
  const load = async (): Promise<Closable> => {
    const { createActivities } = await import("@millrace/server/activities");
    return createActivities({ egress: { allowLoopback: true }, runs, secrets });
  };
  return {
    async execute(request, signal, feed) {
      loading ??= load();
      return (await loading).execute(request, signal, feed);
    },
    async fetchText(request, signal) {
      loading ??= load();
      return (await loading).fetchText(request, signal);
    },
    async close() {
      await (await loading)?.close();
    },
  };
}
