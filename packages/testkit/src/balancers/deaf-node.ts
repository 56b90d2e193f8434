/**
 * What stands in for a node that is lost with every request: ready as long as it is asked for that, and it answers what has a query,
 * so that a balancer has connections to it; else it hangs up without a word.
 */
import { createServer, type IncomingMessage } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

export interface DeafNode {
  readonly port: number;
  /** `POST /messages` of each request that came, in order. */
  readonly asked: string[];
  stop(): Promise<void>;
}

export async function startDeafNode(): Promise<DeafNode> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    if (/^\/readyz|\?/.test(request.url ?? "")) {
      response.end('{"status":"ready"}');
      return;
    }
    asked.push(`${request.method} ${request.url}`);
    void whole(request).finally(() => request.socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    asked,
    async stop() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function whole(request: IncomingMessage): Promise<void> {
  for await (const chunk of request) void chunk;
}
