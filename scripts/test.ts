/**
 * Runs every test of the workspace against one real PostgreSQL, each test in a database of its own, and prints
 * `N passed, N failed` as the last line. Arguments are paths (files or folders) to run instead of everything.
 */
import { spawn } from "node:child_process";
import { existsSync, globSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { startTestServer, stopTestServer } from "@millrace/testkit";
import { limitFiles } from "./file-limit.ts";

const root = join(import.meta.dirname, "..");
const given = process.argv.slice(2);
const files = (given.length > 0 ? given : ["packages", "test", "examples", "bench"])
  .flatMap((path) =>
    existsSync(path) && statSync(path).isDirectory() ? globSync(`${path}/**/*.test.ts`) : [path],
  )
  .filter((path) => !path.includes("node_modules"));

/** What stripping and compiling gives is kept: each of hundreds of processes starts in half the time. */
const compiled = join(root, "node_modules", ".cache", "compiled");
const spec = process.env.MILLRACE_SPEC_DIR ?? join(root, "..", "shared", "spec");
const url = await startTestServer();
const failed = await run();
await stopTestServer();
process.exitCode = failed > 0 ? 1 : 0;

/** Runs the files; gives the number of failed tests (1 at least when the runner itself failed). */
async function run(): Promise<number> {
  const child = spawn(
    process.execPath,
    [
      "--test",
      "--test-reporter=spec",
      "--test-reporter-destination=stdout",
      `--test-concurrency=${Math.max(2, availableParallelism())}`,
      "--test-timeout=240000",
      ...files,
    ],
    {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        MILLRACE_TEST_POSTGRES: url,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compiled,
        ...(existsSync(spec) ? { MILLRACE_SPEC_DIR: spec } : {}),
      },
    },
  );
  const endWatch = limitFiles(child.pid ?? 0);
  const counts = { pass: 0, fail: 0, cancelled: 0 };
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    process.stdout.write(text);
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const count = /^ℹ (pass|fail|cancelled) (\d+)$/.exec(line);
      if (count) counts[count[1] as keyof typeof counts] = Number(count[2]);
    }
  });
  const code = await new Promise<number>((resolve) => {
    child.on("close", (status) => resolve(status ?? 1));
  });
  endWatch();
  const failures = counts.fail + counts.cancelled;
  const bad = code !== 0 && failures === 0 ? 1 : failures;
  console.log(`${counts.pass} passed, ${bad} failed`);
  return bad;
}
