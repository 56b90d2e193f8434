/**
 * pg-boss with what it has for throughput: batches of 500, fetched again at once while they come full, and its listener, so
 * that no job waits for the next poll. A job counts as done when its handler has run, although its completion is written a
 * little later. With variant `drain` all jobs are laid up first and then worked off.
 */
import { PgBoss } from "pg-boss";
import { runJob } from "../job.ts";
import { laidUp, vacuum } from "./laid-up.mjs";

const QUEUE = "job";
const INSERTED_AT_ONCE = 1000;

await runJob(async ({ databaseUrl, variant }) => {
  const boss = new PgBoss({ connectionString: databaseUrl, max: 20, useListenNotify: true });
  boss.on("error", () => {});
  await boss.start();
  await boss.createQueue(QUEUE, { notify: true });
  let onDone = () => {};
  const start = () =>
    boss.work(
      QUEUE,
      {
        batchSize: 500,
        burstWhenBatchFull: true,
        pollingIntervalSeconds: 0.5,
        notifyPollingIntervalSeconds: 0.5,
      },
      async (jobs) => {
        for (const { data } of jobs) onDone(data.n);
      },
    );
  if (variant === "drain") {
    const layUp = async (total) => {
      for (let from = 1; from <= total; from += INSERTED_AT_ONCE) {
        const length = Math.min(INSERTED_AT_ONCE, total - from + 1);
        await boss.insert(
          QUEUE,
          Array.from({ length }, (_, index) => ({ data: { n: from + index } })),
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
      await start();
      await done.promise;
    };
    return laidUp({ layUp, workOff, stop: () => boss.offWork(QUEUE, { wait: true }) });
  }
  const waiting = new Map();
  onDone = (n) => waiting.get(n)?.();
  await start();
  return {
    async work(n) {
      const done = new Promise((resolve) => waiting.set(n, resolve));
      await boss.send(QUEUE, { n });
      await done;
      waiting.delete(n);
    },
    close: async () => {},
  };
});
