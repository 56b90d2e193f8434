/** A server in a process of its own, from its environment; prints its address. For tests that kill it. */
import { loadConfig, startServer, supervise } from "@millrace/server";

const config = loadConfig(process.env);
const server = await startServer(config);
supervise(server, config.shutdownTimeout);
console.log(server.url);
