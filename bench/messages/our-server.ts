/** `node our-server.ts DATABASE-URL`: Millrace with default settings. Says its port over the channel and ends with it. */
import { openServer } from "../ours/node.ts";

const [databaseUrl = ""] = process.argv.slice(2);
const server = await openServer(databaseUrl, 1);
process.once("disconnect", () => void server.stop().then(() => process.exit(0)));
process.send?.(Number(new URL(server.url).port));
