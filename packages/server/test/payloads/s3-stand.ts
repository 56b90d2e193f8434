/** A bucket of a real server, and a way to it on which things go wrong. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import {
  type BlobStand,
  MIB,
  randomBody,
  type S3Server,
  startS3,
} from "@millrace/testkit/payloads";
import { Bucket, type S3Options } from "../../src/payloads/s3/bucket.ts";
import type { S3Settings } from "../../src/payloads/s3/settings.ts";
import { openS3Store } from "../../src/payloads/s3/store.ts";

export const PREFIX = "some/where/";

/** @param port of a way to the server; its own unless given */
export function settingsOf(server: S3Server, port = server.port): S3Settings {
  const { bucket, region } = server;
  return { bucket, region, prefix: PREFIX, pathStyle: true, endpoint: `http://127.0.0.1:${port}` };
}

/** Past the store. */
export function bucketOf(server: S3Server): Bucket {
  return new Bucket(settingsOf(server), { credentials: server.credentials });
}

export async function s3Stand(): Promise<BlobStand> {
  const server = await startS3();
  const options: S3Options = { credentials: server.credentials };
  const open = async () => {
    const store = openS3Store(settingsOf(server), options);
    await store.prepare();
    return store;
  };
  const store = await open();
  return {
    store,
    another: open,
    async leaveHalf(key) {
      const bucket = bucketOf(server);
      const { signal } = new AbortController();
      const upload = await bucket.startUpload(key, signal);
      await bucket.putPart(key, upload, 1, randomBody(5 * MIB), signal);
      bucket.close();
    },
    async takeAway() {
      await server.kill();
      return () => server.restart();
    },
    async close() {
      await store.close();
      await server.stop();
    },
  };
}

/** What happens to bytes on their way. */
export interface Meddling {
  /** Of a request; gives what is passed on. */
  readonly request?: (bytes: Buffer) => Buffer;
  /** Of an answer; `undefined` resets the connection instead. `asked` is the beginning of what was asked on the connection last. */
  readonly answer?: (bytes: Buffer, asked: string) => Buffer | undefined;
  /** Is told of every connection that has ended. */
  readonly closed?: () => void;
}

/** Listens on a free port of loopback and forwards to `port` there. */
export async function meddler(port: number, { request, answer, closed }: Meddling) {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    let asked = "";
    near.once("close", () => closed?.());
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (bytes: Buffer) => {
      if (/^(GET|HEAD|PUT|POST|DELETE) /.test(bytes.toString("latin1", 0, 8)))
        asked = bytes.toString("latin1", 0, 2000);
      far.write(request?.(bytes) ?? bytes);
    });
    far.on("data", (bytes: Buffer) => {
      const passed = answer === undefined ? bytes : answer(bytes, asked);
      if (passed === undefined) near.resetAndDestroy();
      else near.write(passed);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close(): Promise<void> {
      const ended = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await ended;
    },
  };
}
