/** A queue at its best: all jobs are laid up in bulk, then the clock starts and they are worked off. */
import pg from "pg";

/** Part of the jobs that warms the process up before. */
const WARM_UP = 0.1;

export function laidUp({ layUp, workOff, stop }) {
  return {
    async drain(total, begin) {
      const few = Math.ceil(total * WARM_UP);
      await layUp(few);
      await stop(await workOff(few));
      await layUp(total);
      begin();
      await workOff(total);
    },
    close: async () => {},
  };
}

/** What autovacuum would have come to do by the time that so many jobs stand in a queue. */
export async function vacuum(databaseUrl) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query("VACUUM ANALYZE");
  await client.end();
}
