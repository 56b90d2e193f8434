/**
 * A program for a test: a connection of a proxy is cut in the very turn in which its far side ends, and then there is nothing
 * left to do. The two ends live in a thread of their own, so that the proxy can sleep until both things have happened.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { setTimeout as sleep } from "node:timers/promises";
import { TcpProxy } from "./tcp-proxy.ts";

const PAUSE_MS = 50;

if (isMainThread) await proxy();
else await bothEnds(workerData as SharedArrayBuffer);

async function proxy(): Promise<void> {
  const asleep = new SharedArrayBuffer(4);
  const worker = new Worker(new URL(import.meta.url), { workerData: asleep });
  const [port] = (await once(worker, "message")) as [number];
  const between = await TcpProxy.listen(port);
  between.cutAfter(() => 1);
  worker.postMessage(between.port);
  await once(worker, "message");
  worker.postMessage("now");
  Atomics.wait(new Int32Array(asleep), 0, 0);
  await once(worker, "exit");
  await between.close();
}

async function bothEnds(asleep: SharedArrayBuffer): Promise<void> {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  parentPort?.postMessage((server.address() as AddressInfo).port);
  const [port] = (await once(parentPort as NonNullable<typeof parentPort>, "message")) as [number];
  const client = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const [far] = (await once(server, "connection")) as [Socket];
  for (const socket of [client, far]) socket.on("error", () => {}).resume();
  parentPort?.postMessage("connected");
  await once(parentPort as NonNullable<typeof parentPort>, "message");
  await sleep(PAUSE_MS);
  far.end();
  await sleep(PAUSE_MS);
  client.write("more than one byte");
  await sleep(PAUSE_MS);
  Atomics.store(new Int32Array(asleep), 0, 1);
  Atomics.notify(new Int32Array(asleep), 0);
  server.close();
}
