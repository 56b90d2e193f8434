import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { TcpProxy } from "./tcp-proxy.ts";

/** A client of an echo behind a proxy. */
async function echo(
  t: TestContext,
): Promise<{ port: number; proxy: TcpProxy; client: Socket; said: () => string }> {
  const server = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const proxy = await TcpProxy.listen(port);
  const client = connect(proxy.port, "127.0.0.1");
  client.on("error", () => {});
  let text = "";
  client.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  t.after(async () => {
    client.destroy();
    await proxy.close();
    server.close();
  });
  return { port, proxy, client, said: () => text };
}

/** What comes back grows to this. */
async function until(client: Socket, said: () => string, text: string): Promise<void> {
  while (said() !== text) await once(client, "data");
}

test("passes what is said, both ways", async (t) => {
  const { client, said } = await echo(t);
  client.write("hello");
  await until(client, said, "hello");
});

test("a reset is one on both sides", async (t) => {
  const { proxy, client, said } = await echo(t);
  client.write("hello");
  await until(client, said, "hello");
  const closed = once(client, "error");
  assert.equal(proxy.reset(), 1);
  const [error] = (await closed) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNRESET");
  assert.equal(proxy.connections, 0);
});

test("what is held passes late, on new connections as well", async (t) => {
  const { port, proxy, client, said } = await echo(t);
  client.write("one");
  await until(client, said, "one");
  proxy.hold();
  client.write("two");
  const late = connect(proxy.port, "127.0.0.1").setEncoding("utf8");
  t.after(() => late.destroy());
  await once(late, "connect");
  late.write("three");
  // A turn past the proxy takes as long as what must not happen would.
  const past = connect(port, "127.0.0.1").setEncoding("utf8");
  past.write("there");
  assert.deepEqual(await once(past, "data"), ["there"]);
  past.destroy();
  assert.equal(said(), "one");
  proxy.release(true);
  await until(client, said, "onetwo");
  assert.deepEqual(await once(late, "data"), ["three"]);
});

test("what was held and is not delivered is lost with its connection", async (t) => {
  const { proxy, client, said } = await echo(t);
  client.write("one");
  await until(client, said, "one");
  proxy.hold();
  client.write("two");
  const closed = once(client, "error");
  proxy.release(false);
  await closed;
  assert.equal(said(), "one");
});

test("a connection is cut after a number of bytes", async (t) => {
  const { proxy, client, said } = await echo(t);
  client.write("one");
  await until(client, said, "one");
  proxy.cutAfter(() => 5);
  const closed = once(client, "error");
  client.write("123456789");
  await closed;
  assert.equal(said(), "one");
});

test("a connection that is cut as it ends does not keep the process from exiting", async () => {
  const program = join(import.meta.dirname, "tcp-proxy-child.ts");
  await promisify(execFile)(process.execPath, [program], {
    timeout: 20_000,
    killSignal: "SIGKILL",
  });
});
