/**
 * Graphile Worker with the settings of its own page on performance: local queue, batched completion. A job counts as done
 * when its task has run, although its completion is written a little later. With variant `drain` all jobs are laid up
 * first and then worked off, which it does best.
 */
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { runJob } from "../job.ts";
import { laidUp, vacuum } from "./laid-up.mjs";

const ADDED_AT_ONCE = 10_000;

await runJob(async ({ databaseUrl, variant }) => {
  const logger = new Logger(() => () => {});
  const utils = await makeWorkerUtils({ connectionString: databaseUrl, logger });
  await utils.migrate();
  let onDone = () => {};
  const start = () =>
    run({
      preset: {
        worker: {
          connectionString: databaseUrl,
          concurrentJobs: 24,
          maxPoolSize: 25,
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
      logger,
      noHandleSignals: true,
      taskList: { job: async ({ n }) => onDone(n) },
    });
  if (variant === "drain") {
    const layUp = async (total) => {
      for (let from = 1; from <= total; from += ADDED_AT_ONCE) {
        const length = Math.min(ADDED_AT_ONCE, total - from + 1);
        await utils.addJobs(
          Array.from({ length }, (_, index) => ({
            identifier: "job",
            payload: { n: from + index },
          })),
        );
      }
      await vacuum(databaseUrl);
    };
    const workOff = async (total) => {
      const done = Promise.withResolvers();
      let left = total;
      onDone = () => {
        if ((left -= 1) === 0) done.resolve();
      };
      const runner = await start();
      await done.promise;
      return runner;
    };
    return laidUp({ layUp, workOff, stop: (runner) => runner.stop() });
  }
  const waiting = new Map();
  onDone = (n) => waiting.get(n)?.();
  const runner = await start();
  return {
    async work(n) {
      const done = new Promise((resolve) => waiting.set(n, resolve));
      await runner.addJob("job", { n });
      await done;
      waiting.delete(n);
    },
    close: async () => {},
  };
});
