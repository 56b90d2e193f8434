/**
 * A worker in a process of its own, to be killed: prints a line for each step of its tasks. Its function counts from where the
 * last checkpoint was to `until`, one checkpoint each; it stops for ever at `hang`.
 */
import { type Json, type Task, Worker } from "@millrace/sdk";

const [url = "", level = "data", hang = "-1"] = process.argv.slice(2);

interface Counting {
  readonly until: number;
}

async function count({ until }: Counting, task: Task): Promise<Json> {
  const last = task.lastCheckpoint;
  const from = Number((level === "progress" ? last?.note : (last?.data ?? last?.state)) ?? 0);
  console.log(`from ${from}`);
  for (let n = from + 1; n <= until; n += 1) {
    if (n === Number(hang)) await new Promise(() => {});
    const content = level === "progress" ? { note: String(n) } : { [level]: n };
    const durable = await task.checkpoint({ percent: (100 * n) / until, ...content, now: true });
    task.signal.throwIfAborted();
    if (durable) console.log(`saved ${n}`);
  }
  return { counted: until - from, from };
}

const worker = new Worker({ url, functions: { work: count } });
worker.start();
console.log("ready");
process.once("SIGTERM", () => void worker.stop({ grace: 0 }));
