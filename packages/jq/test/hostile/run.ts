/** Runs hostile programs, each in a process of its own that may use little memory. */
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Ending } from "./child.ts";

/** Mebibytes of JavaScript's old generation: more than one evaluation may need. */
const HEAP = 128;
/** Milliseconds after which a program counts as hanging; the process is killed then. */
const HANG = 20_000;
const CHILD = join(import.meta.dirname, "child.ts");

/** How a program ended; rejects when its process crashed or hung. */
export function endingOf(program: string): Promise<Ending> {
  const child = spawn(process.execPath, [`--max-old-space-size=${HEAP}`, CHILD, program], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: HANG,
    killSignal: "SIGKILL",
    // Reading the sources takes longer than running a program; this way it is done once.
    env: { ...process.env, NODE_COMPILE_CACHE: join(tmpdir(), "millrace-jq-hostile") },
  });
  let out = "";
  let complaints = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(JSON.parse(out) as Ending);
      else
        reject(new Error(`${program}\nended with ${signal ?? code}\n${complaints.slice(-2000)}`));
    });
  });
}
