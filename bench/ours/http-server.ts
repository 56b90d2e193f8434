/** `node http-server.ts DATABASE-URL STEPS`: a server that says its address over the channel and ends with it. */
import { openServer } from "./node.ts";

const [databaseUrl = "", steps = ""] = process.argv.slice(2);
const server = await openServer(databaseUrl, Number(steps));
process.once("disconnect", () => void server.stop().then(() => process.exit(0)));
process.send?.(server.url);
