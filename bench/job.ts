/**
 * The side of a measurement that runs in a process of its own: it reads its job from the environment, puts the contender
 * under load, and reports to the benchmark over the process's channel.
 */
import { apply, type Load, type Measured } from "./load.ts";

export interface Job {
  /** An empty database of the shared server. */
  readonly databaseUrl: string;
  /** Empty, on the disk of the databases; removed afterwards. */
  readonly folder: string;
  /** Steps (activities) of each workflow. */
  readonly steps: 1 | 3;
  readonly load: Load;
  /** What only this contender knows: its variant. */
  readonly variant?: string;
}

/** What a process reports, in this order; `failed` instead of whatever is left. */
export type Report =
  | { readonly kind: "begin" }
  | { readonly kind: "end" }
  | {
      readonly kind: "result";
      readonly measured: Measured;
      readonly counters?: Counters;
      /** MiB of resident memory of the process, twice a second while it was measured. */
      readonly resident: readonly number[];
    }
  | { readonly kind: "failed"; readonly reason: string };

/** Counters of the contender, as they rose during the measurement. */
export type Counters = Readonly<Record<string, number>>;

export interface Contender {
  /** Runs one workflow or job to its end. */
  work(n: number): Promise<void>;
  /** Present when all work is laid up first and then drained, which a queue does best. Gives when the last has ended. */
  readonly drain?: (total: number, begin: () => void) => Promise<void>;
  counters?(): Counters;
  close(): Promise<void>;
}

/** Runs the job of this process and ends it. */
export async function runJob(open: (job: Job) => Promise<Contender>): Promise<void> {
  // Nobody is left to report to.
  process.once("disconnect", () => process.exit(1));
  try {
    const job = JSON.parse(process.env["BENCH_JOB"] ?? "") as Job;
    const contender = await open(job);
    await report(await measure(contender, job));
    await contender.close();
    process.exit(0);
  } catch (error) {
    await report({ kind: "failed", reason: describe(error) });
    process.exit(1);
  }
}

function describe(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause === undefined ? String(error) : `${String(error)} (${describe(cause)})`;
}

async function measure(contender: Contender, { load }: Job): Promise<Report> {
  const resident: number[] = [];
  const sample = (): number => resident.push(process.memoryUsage.rss() / 2 ** 20);
  let sampler: NodeJS.Timeout | undefined;
  let before: Counters | undefined;
  let after: Counters | undefined;
  const marks = {
    begin() {
      before = contender.counters?.();
      sampler = setInterval(sample, 500);
      void report({ kind: "begin" });
    },
    end() {
      after = contender.counters?.();
      clearInterval(sampler);
      sample();
      void report({ kind: "end" });
    },
  };
  const measured =
    contender.drain !== undefined && load.kind === "count"
      ? await drained(contender.drain, load.total, marks)
      : await apply(load, (n) => contender.work(n), marks);
  const counters = risen(before, after);
  return { kind: "result", measured, resident, ...(counters === undefined ? {} : { counters }) };
}

async function drained(
  drain: NonNullable<Contender["drain"]>,
  count: number,
  marks: { begin(): void; end(): void },
): Promise<Measured> {
  let since = 0;
  await drain(count, () => {
    since = performance.now();
    marks.begin();
  });
  marks.end();
  return { count, seconds: (performance.now() - since) / 1000 };
}

function risen(before: Counters | undefined, after: Counters | undefined): Counters | undefined {
  if (before === undefined || after === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - (before[name] ?? 0)]),
  );
}

function report(message: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve();
    else process.send(message, () => resolve());
  });
}
