/**
 * `node server.ts SETTINGS`: a server with these environment variables (JSON) that says its address over the channel, and ends with it.
 * Told `begin`, it looks at its memory until it is told `end`; then it says by how many bytes that grew at most.
 */
import { loadConfig, silentLogger, startServer } from "@millrace/server";

/** Milliseconds between two looks. */
const LOOK = 20;

const [settings = "{}"] = process.argv.slice(2);
const config = loadConfig(JSON.parse(settings) as Record<string, string>, { port: 0 });
const server = await startServer(config, { log: silentLogger });
process.once("disconnect", () => void server.stop().then(() => process.exit(0)));

let looking: NodeJS.Timeout | undefined;
let before = 0;
let most = 0;
const look = (): void => {
  most = Math.max(most, process.memoryUsage.rss());
};
process.on("message", (what) => {
  if (what === "begin") {
    before = process.memoryUsage.rss();
    most = before;
    looking = setInterval(look, LOOK);
    process.send?.({ begun: true });
  } else {
    clearInterval(looking);
    look();
    process.send?.({ grown: most - before });
  }
});
process.send?.({ url: server.url });
