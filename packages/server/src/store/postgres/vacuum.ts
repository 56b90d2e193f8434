/**
 * Keeps the live tables small: their rows come and go, and what is gone takes room until it is vacuumed. Autovacuum looks
 * once a minute, in which a busy node leaves hundreds of thousands of dead rows behind; so a node that has written enough
 * vacuums itself.
 */
import pg from "pg";
import type { Clock } from "../../clock.ts";
import type { Logger } from "../../logger.ts";
import { type Service, service } from "../../owner/service.ts";

export interface VacuumConfig {
  readonly connection: pg.ClientConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  /** Rows of live tables written or deleted by this node so far; a rough count will do. */
  readonly written: () => number;
}

const INTERVAL = 250;
/** Rows after which it is time. */
const ENOUGH = 20_000;
/** Skips what autovacuum or another node is at, and never waits for a lock that readers would feel. */
const STATEMENT =
  "VACUUM (SKIP_LOCKED, TRUNCATE false) instances, activities, timers, schedule_timers, children, inbox, event_queue, event_looks, event_subscriptions";

export function vacuumService(config: VacuumConfig): Service {
  const { clock, log, random, written } = config;
  let vacuumed = written();
  let client: pg.Client | undefined;
  const pass = async (): Promise<void> => {
    const now = written();
    if (now - vacuumed < ENOUGH) return;
    vacuumed = now;
    client = new pg.Client(config.connection);
    // A connection that breaks fails the query; it is not to end the process as well.
    client.on("error", () => {});
    try {
      await client.connect();
      await client.query(STATEMENT);
    } finally {
      await client.end().catch(() => {});
      client = undefined;
    }
  };
  const running = service({ name: "vacuum", clock, log, random, interval: INTERVAL, pass });
  return {
    ...running,
    async stop() {
      // A vacuum may take long, and loses nothing when it is broken off.
      await client?.end().catch(() => {});
      await running.stop();
    },
  };
}
