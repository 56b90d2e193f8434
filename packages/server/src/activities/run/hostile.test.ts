/** What scripts try that they should not: each with the answer that the workflow gets. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test, type TestContext } from "node:test";
import { startHttpFixture } from "@millrace/testkit/http";
import { kindOf } from "../testing.ts";
import { SANDBOX_LIMITS } from "./sandbox/limits.ts";
import { runner, withoutNamespaces } from "./testing.ts";

/** Stands in the environment of this process: the server, as far as a script is concerned. */
const CANARY = `canary-${process.pid}-${process.hrtime.bigint()}`;
process.env["MILLRACE_TEST_CANARY"] = CANARY;

const all = { return: "all" } as const;
type All = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** A file that only the server should be able to read. */
function secretFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "millrace-data-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "config"), CANARY);
  return join(folder, "config");
}

suite("hostile scripts", { skip: await withoutNamespaces(), concurrency: 2 }, () => {
  const namespaces = { isolation: "namespaces" } as const;

  test("a script that looks for the server's environment finds none of it", async (t) => {
    const { run } = runner(t, "run:shell", namespaces);
    const command = `env; cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; cat /proc/${process.pid}/environ`;
    const { stdout, stderr } = (await run({ command }, all)) as All;
    assert.ok(!stdout.includes("canary-"), stdout);
    assert.match(stderr, /\/proc\/\d+\/environ/);
    const { run: script } = runner(t, "run:script", namespaces);
    const names = await script({
      language: "js",
      code: "console.log(Object.keys(process.env).sort().join())",
    });
    assert.equal(names, "HOME,LANG,PATH,PWD\n");
  });

  test("a script sees no process but its own", async (t) => {
    const { run, text } = runner(t, "run:shell", namespaces);
    const pids = (await text({ command: "cd /proc; echo [0-9]*" })).trim().split(" ");
    assert.ok(pids.length < 8 && pids.every((pid) => Number(pid) < 100), pids.join());
    const { stderr } = (await run({ command: `kill -0 ${process.pid}` }, all)) as All;
    assert.match(stderr, /[Nn]o such process/);
  });

  test("a script that looks for the server's files finds none of them", async (t) => {
    const path = secretFile(t);
    const { run } = runner(t, "run:shell", namespaces);
    const { stdout, stderr } = (await run(
      {
        command: `cat ${path} ${import.meta.filename} /root/.ssh/*; ls / /tmp /root /home /var /run`,
      },
      all,
    )) as All;
    assert.ok(!stdout.includes("canary-"));
    assert.equal(stderr.match(/No such file/g)?.length, 7, stderr);
    assert.deepEqual(
      stdout
        .match(/^\w+$/gm)
        ?.filter((name) => ["root", "home", "var", "run", "boot", "sys"].includes(name)),
      [],
    );
  });

  test("a script writes nowhere but in its own folders", async (t) => {
    const { text } = runner(t, "run:shell", namespaces);
    const command =
      "for f in /usr/x /bin/x /etc/x /etc/passwd /proc/sys/kernel/hostname /opt/millrace/node; do (: >>$f) 2>/dev/null && echo $f; done; touch $HOME/x /tmp/x && echo own";
    const output = await text({ command });
    // Whoever made a user namespace of their own owns its empty root folder, which nobody else ever sees.
    const elsewhere = output
      .split("\n")
      .filter((line) => !["/etc/x", "/etc/passwd", "own", ""].includes(line));
    assert.deepEqual(elsewhere, []);
    if (process.getuid?.() === 0) assert.equal(output, "own\n");
    assert.ok(!readFileSync("/etc/passwd", "utf8").includes("runner:x:"));
  });

  test("a script that calls a metadata address or the server's own API has no network", async (t) => {
    let called = 0;
    const server = await startHttpFixture(() => {
      called += 1;
      return { status: 200, body: "" };
    });
    t.after(() => server.close());
    const { run, text } = runner(t, "run:script", namespaces);
    const code = `
      for (const url of ${JSON.stringify([server.origin, "http://169.254.169.254/latest/meta-data", "http://[::1]:7070/"])})
        console.log(await fetch(url).then(() => "reached", (error) => error.cause.code));`;
    assert.match(
      await text({ language: "js", code }),
      /^((ENETUNREACH|ECONNREFUSED|EADDRNOTAVAIL)\n){3}$/,
    );
    const python =
      "import os\nprint(sorted(os.listdir('/sys/class/net')) if os.path.exists('/sys') else 'no /sys')\nprint(open('/proc/net/dev').read().count(':'))";
    assert.equal(await run({ language: "python", code: python }), "no /sys\n1\n");
    assert.equal(called, 0);
  });

  test("JavaScript has no processes, threads, add-ons or files of others", async (t) => {
    const { text } = runner(t, "run:script", namespaces);
    const code = `
      import { spawnSync } from "node:child_process";
      import { readFileSync } from "node:fs";
      import { Worker } from "node:worker_threads";
      const attempts = [
        () => spawnSync("id"),
        () => readFileSync("/etc/passwd"),
        () => readFileSync("/proc/self/maps"),
        () => new Worker("1", { eval: true }),
        () => process.dlopen({ exports: {} }, "/x.node"),
      ];
      for (const attempt of attempts) try { attempt(); console.log("done"); } catch ({ code }) { console.log(code); }`;
    const output = (await text({ language: "js", code })).trim().split("\n");
    assert.deepEqual(
      output.slice(0, 4),
      Array.from({ length: 4 }, () => "ERR_ACCESS_DENIED"),
    );
    assert.match(output[4] ?? "", /^ERR_/);
  });

  test("a script that fills the disk fills its own few bytes", async (t) => {
    const { refused, run } = runner(t, "run:shell", {
      ...namespaces,
      limits: { ...SANDBOX_LIMITS, diskBytes: 2 ** 20 },
    });
    const command = "head -c 700000 /dev/zero >a; head -c 700000 /dev/zero >/tmp/b";
    const error = await refused({ command });
    assert.match(error.detail ?? "", /No space left on device/);
    assert.equal(await run({ command: "find $HOME /tmp -type f | wc -l" }), "0\n");
  });

  test("a script that makes files without end runs out of them", async (t) => {
    const { run } = runner(t, "run:script", namespaces);
    const code =
      "i = 0\ntry:\n  while True:\n    open(f'f{i}', 'w').close()\n    i += 1\nexcept OSError as e:\n  print(e.strerror, i < 70000)";
    assert.equal(await run({ language: "python", code }), "No space left on device True\n");
  });

  test("a script that forks without end gets no more processes, and the next one runs", async (t) => {
    const { run } = runner(t, "run:script", {
      ...namespaces,
      limits: { ...SANDBOX_LIMITS, processes: 24 },
    });
    const code =
      "import os\nn = 0\ntry:\n  while True:\n    if os.fork() == 0:\n      while True: os.pause() if hasattr(os, 'pause') else __import__('time').sleep(1000)\n    n += 1\nexcept OSError as e:\n  print(e.strerror, n < 24)";
    assert.equal(
      await run({ language: "python", code }),
      "Resource temporarily unavailable True\n",
    );
    assert.equal(await run({ language: "python", code: "print('next')" }), "next\n");
  });

  test("a script that takes memory without end gets no more of it", async (t) => {
    const { run } = runner(t, "run:script", {
      ...namespaces,
      limits: { ...SANDBOX_LIMITS, memoryBytes: 128 * 2 ** 20 },
    });
    const code =
      "try:\n  x = []\n  while True: x.append(bytearray(2**20))\nexcept MemoryError:\n  n = len(x)\n  del x\n  print(n < 128)";
    assert.equal(await run({ language: "python", code }), "True\n");
  });

  test("a daemon ends with the script that started it", async (t) => {
    const mark = String(process.hrtime.bigint());
    const { run } = runner(t, "run:shell", namespaces);
    const command = `(setsid sh -c 'trap "" TERM HUP; sleep ${mark}' &) ; (setsid nohup sleep ${mark} >/dev/null 2>&1 &); sleep 0.2; echo started`;
    assert.equal(await run({ command }), "started\n");
    const left = readdirSync("/proc").filter(
      (pid) => /^\d+$/.test(pid) && readCommand(pid).includes(mark),
    );
    assert.deepEqual(left, []);
  });

  test("a script that writes ten gigabytes to its output is cut, and ended when its time is up", async (t) => {
    const { refused } = runner(t, "run:shell", {
      ...namespaces,
      timeout: 3_000,
      limits: { ...SANDBOX_LIMITS, grace: 100 },
    });
    const before = process.memoryUsage().rss;
    const error = await refused({ command: "head -c 10000000000 /dev/zero; sleep 1000" });
    assert.equal(kindOf(error), "timeout 408");
    assert.ok(process.memoryUsage().rss - before < 300_000_000);
  });

  test("a script cannot become more than it is", async (t) => {
    const { run, text } = runner(t, "run:shell", namespaces);
    const status = await text({ command: "grep -E '^(Cap|NoNewPrivs)' /proc/self/status" });
    const values = Object.fromEntries(
      status
        .trim()
        .split("\n")
        .map((line) => line.split(/:\s*/)),
    );
    const none = "0000000000000000";
    assert.deepEqual(values, {
      CapInh: none,
      CapPrm: none,
      CapEff: none,
      CapBnd: none,
      CapAmb: none,
      NoNewPrivs: "1",
    });
    const { stdout } = (await run(
      {
        command:
          "mount -t tmpfs x /tmp && echo mounted; chroot / true && echo rooted; nsenter -t 1 -m true && echo entered",
      },
      all,
    )) as All;
    assert.equal(stdout, "");
  });

  test("variables that would change the launcher do not reach it", async (t) => {
    const { run } = runner(t, "run:shell", namespaces);
    const environment = {
      LD_PRELOAD: "/tmp/evil.so",
      PATH: "/work",
      BASH_ENV: "/work/x",
      ENV: "/work/x",
      IFS: "/",
    };
    const output = await run({ command: "/bin/echo ran", environment }, all);
    assert.equal((output as All).stdout, "ran\n");
  });
});

function readCommand(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
