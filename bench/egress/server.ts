/** The HTTP server that is called: small answers, in a process of its own. Tells its port over the channel. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const body = JSON.stringify({ id: 7, name: "a pet", tags: ["small", "friendly"] });
const headers = { "content-type": "application/json", "content-length": body.length };
const server = createServer((_, response) => {
  response.writeHead(200, headers).end(body);
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.once("disconnect", () => process.exit(0));
