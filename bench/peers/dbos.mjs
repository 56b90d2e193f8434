/**
 * DBOS Transact: a workflow of steps that each answer at once, called directly and awaited, which spares it the polling of
 * a handle's result. Default settings but for the pool, which is as large as helps on a small machine.
 */
import { DBOS } from "@dbos-inc/dbos-sdk";
import { runJob } from "../job.ts";

const POOL = 20;

await runJob(async ({ databaseUrl, steps }) => {
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: databaseUrl,
    systemDatabasePoolSize: POOL,
    logLevel: "error",
  });
  const workflow = DBOS.registerWorkflow(
    async (input) => {
      let value = input;
      for (let step = 1; step <= steps; step++) {
        const { n } = value;
        value = await DBOS.runStep(async () => ({ n: n + 1 }), { name: `step${step}` });
      }
      return value;
    },
    { name: "steps" },
  );
  await DBOS.launch();
  return {
    async work(n) {
      const output = await workflow({ n });
      if (output.n !== n + steps) throw new Error(`got ${output.n}, not ${n + steps}`);
    },
    close: () => DBOS.shutdown(),
  };
});
