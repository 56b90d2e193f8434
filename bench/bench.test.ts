/** That the benchmark measures what it says, on a few instances and without the peers; no figure is judged. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { setImmediate as pause } from "node:timers/promises";
import { startTestServer, stopTestServer } from "@millrace/testkit";
import { run } from "./contenders.ts";
import { type Figure, median, percentile, ratio } from "./figure.ts";
import { apply } from "./load.ts";
import { withFigures } from "./page.ts";
import { query } from "./postgres.ts";
import { OURS, OURS_OVER_HTTP } from "./programs.ts";
import { linesOf, type RunFile, table, withRatios } from "./table.ts";

const postgres = { url: await startTestServer(), stop: stopTestServer };
after(stopTestServer);
const limit = 60;

for (const program of [OURS, OURS_OVER_HTTP]) {
  test(`${program.name}: every workflow that is counted has ended, with all its steps`, async () => {
    const load = { kind: "count", concurrency: 7, total: 40 } as const;
    let rows: { status: string; n: number }[] = [];
    const result = await run(
      postgres,
      program,
      { steps: 3, load },
      {
        limit,
        observe: async (url, ended) => {
          await ended;
          rows = await query(
            url,
            "SELECT status, count(*)::int AS n FROM all_instances GROUP BY status",
          );
        },
      },
    );
    assert.equal(result.kind, "result", JSON.stringify(result));
    assert.equal(result.kind === "result" && result.measured.count, 40);
    assert.deepEqual(rows, [{ status: "completed", n: 40 }]);
  });
}

test("counters and memory come with the result", async () => {
  const load = { kind: "closed", concurrency: 5, warmUp: 0.1, measure: 0.2 } as const;
  const result = await run(postgres, OURS, { steps: 1, load }, { limit });
  assert.ok(result.kind === "result", JSON.stringify(result));
  assert.ok(result.measured.count > 0);
  assert.ok((result.counters?.["transitions"] ?? 0) > 0);
  assert.ok(result.resident.every((mebibytes) => mebibytes > 0) && result.resident.length > 0);
});

test("a contender that cannot run gives its reason and leaves no database", async () => {
  const load = { kind: "count", concurrency: 1, total: 1 } as const;
  const broken = { name: "none", module: "peers/none.mjs" };
  const result = await run(postgres, broken, { steps: 1, load }, { limit });
  assert.ok(result.kind === "failed");
  assert.match(result.reason, /^ended with 1/);
  const left = await query(
    postgres.url,
    `SELECT datname FROM pg_database WHERE datname LIKE 'bench_${process.pid}_%'`,
  );
  assert.deepEqual(left, []);
});

test("an open load starts what is due although nothing before it has ended", async () => {
  const total = 40;
  const all = Promise.withResolvers<void>();
  const marks = { began: 0, ended: 0 };
  const measured = await apply(
    { kind: "open", rate: 400, warmUp: 0.05, measure: 0.1 },
    (n) => {
      if (n < 0) return pause();
      // Whoever waits for earlier ones never comes here.
      if (n === total - 1) all.resolve();
      return all.promise;
    },
    { begin: () => (marks.began += 1), end: () => (marks.ended += 1) },
  );
  assert.equal(measured.count, total);
  assert.equal(measured.unfinished, 0);
  assert.deepEqual(marks, { began: 1, ended: 1 });
  const { p50 = 0, p99 = 0, max = 0 } = measured.latency ?? {};
  // The first of those measured waited for the last: the earlier, the longer.
  assert.ok(p50 > 0 && p50 < p99 && p99 <= max);
});

test("work that fails fails the measurement, whatever the load", async () => {
  const work = (): Promise<void> => Promise.reject(new Error("lost"));
  const marks = { begin() {}, end() {} };
  const closed = { kind: "closed", concurrency: 3, warmUp: 0, measure: 0.05 } as const;
  const open = { kind: "open", rate: 100, warmUp: 0, measure: 0.05 } as const;
  const count = { kind: "count", concurrency: 3, total: 9 } as const;
  for (const load of [closed, open, count]) await assert.rejects(apply(load, work, marks), /lost/);
});

const FIGURE: Figure = {
  name: "latency.100.p50",
  title: "start to end",
  value: 2,
  unit: "ms",
  better: "lower",
  peers: [
    { name: "slow", value: 8 },
    { name: "absent", value: null, reason: "not to be had" },
  ],
  pgbench: 1,
};

test("a ratio above 1 says that ours is the better", () => {
  assert.equal(ratio({ value: 10, better: "higher" }, 4), 2.5);
  assert.equal(ratio({ value: 10, better: "lower" }, 4), 0.4);
  assert.equal(ratio({ value: null, better: "lower" }, 4), undefined);
  assert.deepEqual(withRatios(FIGURE).ratios, { pgbench: 0.5, peers: { slow: 4, absent: null } });
});

test("medians and percentiles", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  assert.deepEqual(
    [0, 0.5, 0.99, 1].map((fraction) => percentile(hundred, fraction)),
    [1, 50, 99, 100],
  );
  assert.throws(() => median([]), /no values/);
});

test("the table and the page show every figure, and what could not be measured with its reason", () => {
  const machine = {
    cores: 2,
    processor: "P",
    memoryGiB: 4,
    system: "linux",
    node: "24",
    loadBefore: 0,
    millrace: "0.1.0",
    postgres: { version: "18", settings: { fsync: "on" } },
  };
  const file: RunFile = {
    date: "2026-01-01",
    quick: false,
    cut: false,
    machine,
    figures: [withRatios(FIGURE)],
  };
  assert.deepEqual(
    linesOf(withRatios(FIGURE)).map(({ what, value, ratio, note }) => [what, value, ratio, note]),
    [
      ["start to end", "2.00", "", ""],
      ["  slow", "8.00", "4.00 ×", ""],
      ["  absent", "–", "", "not to be had"],
    ],
  );
  assert.match(
    table(file),
    /fsync on[\s\S]*start to end +2\.00 +ms[\s\S]*slow +8\.00 +ms +4\.00 ×/,
  );
  const page = readFileSync(new URL("../docs/PERFORMANCE.md", import.meta.url), "utf8");
  const once = withFigures(page, file);
  assert.match(
    once,
    /\| start to end \| 2\.00 \| ms \| 1\.00 \(0\.500 ×\) \| 8\.00 \(4\.00 ×\) \| – \(not to be had\) \|/,
  );
  assert.equal(withFigures(once, file), once);
  assert.equal(withFigures(once, { ...file, figures: [] }).includes("slow"), false);
  assert.throws(() => withFigures("no markers", file), /there is no/);
});
