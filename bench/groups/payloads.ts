/** One large payload through the API, to a folder and back: how near is that to what the system's own tools do with the file? */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Bench, Group } from "../bench.ts";
import { type Figure, median } from "../figure.ts";
import {
  byHand,
  startTransferServer,
  type TransferServer,
  writeFileOf,
} from "../payloads/transfer.ts";
import { withDatabase } from "../postgres.ts";

const MIB = 1024 * 1024;

export const payloads: Group = {
  name: "payloads",
  run: (bench) =>
    withDatabase(bench.postgres, async (url) => {
      const folder = mkdtempSync(join(tmpdir(), "millrace-bench-payloads-"));
      try {
        const server = await startTransferServer({
          MILLRACE_DATABASE_URL: url,
          MILLRACE_PAYLOAD_STORES: "database<1MiB,directory",
          MILLRACE_PAYLOAD_DIRECTORY: join(folder, "payloads"),
        });
        try {
          return await measure(bench, server, folder);
        } finally {
          await server.stop();
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }),
};

interface Samples {
  /** Seconds. */
  readonly put: number[];
  readonly get: number[];
  /** `cp`, `sync` and `sha256sum`; then without `sync`. */
  readonly durable: number[];
  readonly copied: number[];
  /** MiB. */
  readonly putMemory: number[];
  readonly getMemory: number[];
}

async function measure(
  { quick, log }: Bench,
  server: TransferServer,
  folder: string,
): Promise<readonly Figure[]> {
  const mebibytes = quick ? 256 : 1024;
  const samples: Samples = {
    put: [],
    get: [],
    durable: [],
    copied: [],
    putMemory: [],
    getMemory: [],
  };
  // A first payload, so that nothing is loaded or compiled in the rounds.
  const small = join(folder, "small");
  await writeFileOf(small, 8);
  const { digest } = await server.put(small);
  await server.get(digest, 8 * MIB);
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    const path = join(folder, `file-${round}`);
    await writeFileOf(path, mebibytes);
    const durable = await byHand(path, true);
    const put = await server.put(path);
    const copied = await byHand(path, false);
    const get = await server.get(put.digest, mebibytes * MIB);
    await server.delete(put.digest);
    rmSync(path);
    samples.durable.push(durable);
    samples.copied.push(copied);
    samples.put.push(put.seconds);
    samples.putMemory.push(put.grown);
    samples.get.push(get.seconds);
    samples.getMemory.push(get.grown);
    const byTools = `${durable.toFixed(2)} s and ${copied.toFixed(2)} s`;
    log(`  PUT ${describe(put)}, GET ${describe(get)}; by the tools ${byTools}`);
  }
  return figures(samples, mebibytes);
}

function describe({
  seconds,
  grown,
}: {
  readonly seconds: number;
  readonly grown: number;
}): string {
  return `${seconds.toFixed(2)} s and ${grown.toFixed(0)} MiB more memory`;
}

function figures(samples: Samples, mebibytes: number): readonly Figure[] {
  const rate = (seconds: readonly number[]): number => mebibytes / median(seconds);
  const note = `${mebibytes} MiB, tier directory, one caller; digest computed and checked on the way`;
  const speed = { unit: "MiB/s", better: "higher" } as const;
  const memory = { unit: "MiB", better: "lower", peers: [], note } as const;
  return [
    {
      ...speed,
      name: "payloads.put",
      title: "PUT of one large payload, durable when answered",
      value: rate(samples.put),
      peers: [{ name: "cp, sync and sha256sum", value: rate(samples.durable) }],
      note,
    },
    {
      ...speed,
      name: "payloads.get",
      title: "GET of one large payload",
      value: rate(samples.get),
      peers: [{ name: "cp and sha256sum", value: rate(samples.copied) }],
      note,
    },
    {
      ...memory,
      name: "payloads.put-memory",
      title: "growth of the server's resident memory meanwhile, PUT",
      value: Math.max(...samples.putMemory),
    },
    {
      ...memory,
      name: "payloads.get-memory",
      title: "growth of the server's resident memory meanwhile, GET",
      value: Math.max(...samples.getMemory),
    },
  ];
}
