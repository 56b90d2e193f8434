/** A TCP server for tests that writes what it likes, whatever was asked. */
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface RawServer {
  readonly origin: string;
  /** Connections taken so far. */
  readonly connections: readonly Socket[];
  /** Resolves when the newest connection has ended. */
  gone(): Promise<void>;
}

/** @param answer is called once a request's headers are there, with the connection and the number of its request (from 1) */
export async function startRawServer(
  t: Pick<TestContext, "after">,
  answer: (socket: Socket, request: number) => void,
): Promise<RawServer> {
  const connections: Socket[] = [];
  const server = createServer((socket) => {
    connections.push(socket);
    let text = "";
    let requests = 0;
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      if (!text.includes("\r\n\r\n")) return;
      text = "";
      answer(socket, ++requests);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => {
    server.close();
    for (const socket of connections) socket.destroy();
  });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections,
    gone: () =>
      new Promise((resolve) => {
        const socket = connections.at(-1);
        if (socket === undefined || socket.closed) resolve();
        else socket.once("close", () => resolve());
      }),
  };
}

/** Writes `chunk` again and again, as fast as the other side reads, until the connection ends. */
export function writeForEver(socket: Socket, chunk: string | Buffer): void {
  const more = (): void => {
    while (!socket.destroyed && socket.write(chunk)) continue;
    if (!socket.destroyed) socket.once("drain", more);
  };
  more();
}
