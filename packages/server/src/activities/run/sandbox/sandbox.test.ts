import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { describe, test } from "node:test";
import type { Isolation } from "./launch.ts";
import { SANDBOX_LIMITS, type SandboxLimits } from "./limits.ts";
import { strongestIsolation } from "./probe.ts";
import { createSandbox, type Sandbox, type SandboxResult } from "./sandbox.ts";

const strongest = await strongestIsolation();
/** A sandbox of namespaces is the promise; without them there is nothing to test of it. */
const unavailable =
  strongest === "process" && process.env["CI"] === undefined
    ? "this system lets nobody make Linux namespaces (run as root, or allow user namespaces)"
    : false;
const never = new AbortController().signal;

const kinds: readonly { name: string; found: Isolation; skip: string | false }[] = [
  { name: "namespaces", found: strongest, skip: unavailable },
  { name: "process", found: "process", skip: false },
];

function sandboxOf(
  found: Isolation,
  limits: Partial<SandboxLimits> = {},
  network = false,
): Sandbox {
  const config = {
    isolation: "process" as const,
    network,
    limits: { ...SANDBOX_LIMITS, ...limits },
  };
  return createSandbox(config, async () => found);
}

function shell(sandbox: Sandbox, script: string, signal = never): Promise<SandboxResult> {
  return sandbox.runSandboxed({ command: "/bin/sh", arguments: ["-c", script] }, signal);
}

/** Processes of this machine whose command line has the text. */
function running(text: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(text);
      } catch {
        return false;
      }
    });
}

/** Text that no other process has on its command line. */
function unique(): string {
  return `1${Math.trunc(performance.timeOrigin + performance.now() * 1000)}`;
}

for (const { name, found, skip } of kinds) {
  describe(`a sandbox of ${name}`, { skip, concurrency: 2 }, () => {
    test(`gives arguments, environment and standard input as they are (${name})`, async () => {
      const odd = `it's "odd" $(id) \\ ; * \n ü`;
      const result = await sandboxOf(found).runSandboxed(
        {
          command: "/bin/sh",
          arguments: ["-c", 'printf "%s|%s|" "$1" "$ODD"; cat', "sh", odd],
          environment: { ODD: odd },
          stdin: odd,
        },
        never,
      );
      assert.deepEqual(result, {
        code: 0,
        stdout: `${odd}|${odd}|${odd}`,
        stderr: "",
        truncated: false,
      });
    });

    test(`has nothing of the server's environment (${name})`, async () => {
      const result = await shell(sandboxOf(found), "env | sed 's/=.*//' | sort");
      assert.deepEqual(result.stdout.trim().split("\n"), ["HOME", "LANG", "PATH", "PWD"]);
    });

    test(`shows the operator's programs, first on the PATH (${name})`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), "millrace-programs-"));
      t.after(() => rm(folder, { recursive: true }));
      await chmod(folder, 0o755);
      // Of the same name as one of the system's.
      await writeFile(join(folder, "id"), "#!/bin/sh\necho the operator\n", { mode: 0o755 });
      const config = { isolation: "process" as const, programs: [folder, "/no/such/folder"] };
      const sandbox = createSandbox(config, async () => found);
      const script = `id; echo x >>${folder}/id || echo refused; id`;
      const { stdout } = await shell(sandbox, script);
      // A mere process of the same user may do what the user may.
      const guarded = found !== "process" || process.getuid?.() === 0;
      assert.equal(stdout, `the operator\n${guarded ? "refused\n" : ""}the operator\n`);
    });

    test(`works in a folder of its own, which is gone afterwards (${name})`, async () => {
      const { stdout } = await shell(
        sandboxOf(found),
        'cd "$HOME"; stat -c "%a %u" .; id -u; ls -A; pwd; touch x; mkdir -m 0 closed',
      );
      const [mode, uid, where] = stdout.trim().split("\n");
      assert.equal(mode, `700 ${uid}`);
      assert.ok(!readdirSync(tmpdir()).includes(where?.split("/").pop() ?? ""), where);
    });

    test(`a process that forks without end takes its own processes only (${name})`, async () => {
      const { stdout, stderr } = await shell(
        sandboxOf(found, { processes: 32 }),
        "f() { f | f & }; f; sleep 0.3; echo alive",
      );
      assert.match(stdout + stderr, /alive|[Cc]annot fork/);
      assert.equal((await shell(sandboxOf(found), "echo next")).stdout, "next\n");
    });

    test(`output without end is cut, and says so (${name})`, async () => {
      const sandbox = sandboxOf(found, { outputBytes: 1_000 });
      const before = process.memoryUsage().rss;
      const { stdout, stderr, truncated } = await shell(
        sandbox,
        "yes | head -c 300000000; yes >&2 & sleep 0.2",
      );
      assert.ok(truncated);
      assert.match(
        stdout,
        /^(y\n){500}\n\[cut by Millrace: 299999000 more bytes after the first 1000\]\n$/,
      );
      assert.match(stderr, /\[cut by Millrace: \d+ more bytes after the first 1000\]\n$/);
      assert.ok(process.memoryUsage().rss - before < 250_000_000);
    });

    test(`a process that ignores SIGTERM is killed with all it started (${name})`, async () => {
      const mark = unique();
      const controller = new AbortController();
      const sandbox = sandboxOf(found, { grace: 100 });
      const child = await sandbox.spawnSandboxed(
        {
          command: "/bin/sh",
          arguments: ["-c", `trap '' TERM; sleep ${mark} & echo up; while :; do sleep 1; done`],
        },
        controller.signal,
      );
      await once(child.stdout, "data");
      child.stdout.resume();
      controller.abort();
      assert.equal((await child.ended).code, 137);
      assert.deepEqual(running(mark), []);
    });

    test(`a process can end in good order on SIGTERM (${name})`, async () => {
      const sandbox = sandboxOf(found, { grace: 10_000 });
      const script = "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done";
      const child = await sandbox.spawnSandboxed(
        { command: "/bin/sh", arguments: ["-c", script] },
        never,
      );
      await once(child.stdout, "data");
      const rest: string[] = [];
      child.stdout.on("data", (chunk: Buffer) => rest.push(chunk.toString()));
      await child.stop();
      assert.deepEqual([rest.join(""), await child.ended], ["bye\n", { code: 3 }]);
    });

    test(`CPU time runs out (${name})`, async () => {
      const result = await shell(sandboxOf(found, { cpuSeconds: 1 }), "while :; do :; done");
      assert.equal(result.code, 128 + 24);
    });

    test(`memory runs out (${name})`, async () => {
      const sandbox = sandboxOf(found, { memoryBytes: 64 * 1024 * 1024 });
      const request = { command: "python3", arguments: ["-c", "bytearray(200_000_000)"] };
      const { code, stderr } = await sandbox.runSandboxed(request, never);
      assert.equal(code, 1);
      assert.match(stderr, /MemoryError/);
    });

    test(`names and values that no process can be given are refused (${name})`, async () => {
      const sandbox = sandboxOf(found);
      const cases = [
        [{ environment: { "a b": "1" } }, /environment: "a b" is no name/],
        [{ environment: { A: "\0" } }, /environment\.A: contains a NUL/],
        [{ arguments: ["x".repeat(200_000)] }, /arguments\[0\]: longer than 131071 bytes/],
        [
          { arguments: Array.from({ length: 20 }, () => "x".repeat(100_000)) },
          /together are longer/,
        ],
      ] as const;
      for (const [request, message] of cases)
        await assert.rejects(sandbox.runSandboxed({ command: "true", ...request }, never), {
          kind: "configuration",
          message,
        });
    });
  });
}

test("without namespaces nothing runs, unless the operator accepts that", async () => {
  const found = async (): Promise<Isolation> => "process";
  const strict = createSandbox({ isolation: "namespaces" }, found);
  await assert.rejects(shell(strict, "echo ran"), {
    kind: "authorization",
    message: /no Linux namespaces.*MILLRACE_RUN_ISOLATION=process/,
  });
  assert.equal((await shell(sandboxOf("process"), "echo ran")).stdout, "ran\n");
});

test("what is left of a sandbox when its server is killed: nothing", {
  skip: unavailable,
}, async (t) => {
  const mark = unique();
  const module = JSON.stringify(join(import.meta.dirname, "sandbox.ts"));
  const code = `
    const { createSandbox } = await import(${module});
    const request = { command: "/bin/sh", arguments: ["-c", "setsid sleep ${mark} & echo up; sleep ${mark}"] };
    const child = await createSandbox().spawnSandboxed(request, new AbortController().signal);
    child.stdout.pipe(process.stdout);`;
  const server = spawn(process.execPath, ["--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => server.kill("SIGKILL"));
  await once(server.stdout, "data");
  // Its output may be there before both are.
  while (running(`sleep\0${mark}`).length < 2) await new Promise(setImmediate);
  server.kill("SIGKILL");
  await once(server, "close");
  while (running(mark).length > 0) await new Promise(setImmediate);
});
