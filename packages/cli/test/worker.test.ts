/** `millrace worker` with a server: tasks, checkpoints, an end by signal, and what it says of modules that it cannot use. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { suite, test, type TestContext } from "node:test";
import { createDatabase } from "@millrace/testkit";
import { COMMAND, folder, millrace, serve } from "./command.ts";

const examples = join(import.meta.dirname, "../../../examples/workers");

interface Started {
  /** Resolves with the first line of standard output that begins with this. */
  readonly says: (beginning: string) => Promise<string>;
  readonly stop: (signal: NodeJS.Signals) => Promise<number | null>;
}

function start(t: TestContext, words: readonly string[]): Started {
  const child = spawn(process.execPath, [COMMAND, ...words], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close") as Promise<[number | null]>;
  t.after(() => child.kill("SIGKILL"));
  const lines: string[] = [];
  const reading = createInterface({ input: child.stdout });
  reading.on("line", (line) => lines.push(line));
  return {
    async says(beginning) {
      for (;;) {
        const found = lines.find((line) => line.startsWith(beginning));
        if (found !== undefined) return found;
        await once(reading, "line");
      }
    },
    async stop(signal) {
      child.kill(signal);
      const [code] = await closed;
      return code;
    },
  };
}

suite("millrace worker", () => {
  test("the example: a worker that is killed, and one that goes on; the second ends by signal", async (t) => {
    const database = await createDatabase();
    const { url } = await serve(t, ["server", "--port", "0"], {
      MILLRACE_DATABASE_URL: database.url,
    });
    const client = (...words: string[]) => millrace([...words, "--url", url]);
    assert.equal((await client("apply", join(examples, "primes.yaml"))).code, 0);
    const words = ["worker", join(examples, "primes.ts"), "--url", url];
    const first = start(t, [...words, "--name", "first"]);
    assert.equal(await first.says("ready"), "ready first: countPrimes (pool default)");
    const id = (await client("start", "examples/primes", "-i", '{"below":20000000}')).stdout.trim();
    for (let described = ""; !/, \d+(?:\.\d+)? %, \d+ primes below \d+ \(at /.test(described); )
      described = (await client("describe", id)).stdout;
    await first.stop("SIGKILL");
    const second = start(t, words);
    await second.says("ready");
    const listed = await client("worker", "list", "-o", "json");
    const [known] = JSON.parse(listed.stdout) as { readonly name: string }[];
    assert.equal(known?.name, "first");
    const heading =
      /^NAME +POOL +FUNCTIONS +TASKS +POLLING +LAST SEEN\nfirst +default +countPrimes +/;
    assert.match((await client("worker", "list")).stdout, heading);
    await client("cancel", id);
    const small = await client("start", "examples/primes", "-i", '{"below":100}', "--wait", "60s");
    assert.deepEqual(JSON.parse(small.stdout), { below: 100, primes: 25, from: 2 });
    const wrong = await client("start", "examples/primes", "-i", '{"below":-1}', "--wait", "1s");
    assert.equal(wrong.code, 1);
    assert.equal(await second.stop("SIGTERM"), 0);
    await database.drop();
  });

  test("a module that cannot be loaded, or exports no function, is said at once", async (t) => {
    const at = join(folder(t), "empty.mjs");
    writeFileSync(at, "export const answer = 42;\n");
    const empty = await millrace(["worker", at]);
    assert.equal(empty.code, 2);
    assert.match(empty.stderr, /exports no function: write, for example, export async function/);
    const absent = await millrace(["worker", join(folder(t), "none.mjs")]);
    assert.equal(absent.code, 2);
    assert.match(absent.stderr, /none\.mjs cannot be loaded: /);
  });

  test("options that make no worker are said at once", async () => {
    const file = join(examples, "primes.ts");
    for (const [words, message] of [
      [["--concurrency", "0"], /--concurrency: expected a whole number above 0/],
      [["--url", "nowhere"], /--url: expected one such as http/],
      [["--grace", "long"], /--grace: expected a duration such as 30s/],
    ] as const) {
      const { code, stderr } = await millrace(["worker", file, ...words]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, message);
    }
  });
});
