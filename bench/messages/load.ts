/** Client threads against one service: started together, and what they saw put together. */
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { percentile } from "../figure.ts";
import type { ClientJob, ClientResult } from "./client.ts";

const CLIENT = join(import.meta.dirname, "client.ts");

export interface Load extends Omit<ClientJob, "thread"> {
  readonly threads: number;
}

export interface Loaded {
  /** Requests per second of each thread, and of all together. */
  readonly threads: readonly number[];
  readonly rate: number;
  /** Milliseconds from a request to its answer. */
  readonly p50: number;
  readonly p99: number;
}

/** @throws when an answer is not as it should be */
export async function put(load: Load): Promise<Loaded> {
  const { threads: count, ...job } = load;
  const workers = Array.from({ length: count }, (_, thread) => {
    const workerData: ClientJob = { ...job, thread };
    return new Worker(CLIENT, { workerData });
  });
  try {
    await Promise.all(workers.map((worker) => messageOf(worker)));
    const results = workers.map((worker) => messageOf(worker));
    for (const worker of workers) worker.postMessage("go");
    return together((await Promise.all(results)) as readonly ClientResult[]);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Its next message. */
function messageOf(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("a client thread ended early")));
  });
}

function together(results: readonly ClientResult[]): Loaded {
  const from = Math.min(...results.map((result) => result.from));
  const until = Math.max(...results.map((result) => result.until));
  const requests = results.reduce((sum, result) => sum + result.requests, 0);
  const times = new Float64Array(requests);
  let at = 0;
  for (const result of results) {
    times.set(result.times, at);
    at += result.requests;
  }
  times.sort();
  return {
    threads: results.map((each) => (each.requests * 1000) / (each.until - each.from)),
    rate: (requests * 1000) / (until - from),
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
  };
}
