/** The server under test, in a process of its own: tells its address, then what it logs as a warning or an error. */
import { loadConfig, startServer } from "@millrace/server";

const say = (level: string) => (fields: object, message: string) => {
  const { err } = fields as { err?: Error };
  const cause = err === undefined ? "" : `: ${err.stack ?? err.message}`;
  process.send?.({ log: `${level}: ${message}${cause}`.slice(0, 3_000) });
};

const server = await startServer(
  loadConfig(process.env, {
    port: 0,
    exclusive: true,
    partitions: 8,
    maxBodyBytes: 65_536,
    maxWait: 2_000,
  }),
  { log: { debug: () => {}, info: () => {}, warn: say("warn"), error: say("error") } },
);
process.on("message", (question) => {
  if (question === "memory") process.send?.({ memory: process.memoryUsage.rss() });
});
process.on("disconnect", () => process.exit());
process.send?.({ url: server.url });
