/**
 * Runs cases in the real jq. Starting it takes longer than most programs run, so many programs go into one, as functions;
 * where that one is refused, or crashes, or takes too long, halves of it tell whose fault it was.
 */
import { spawn } from "node:child_process";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Json } from "../../src/index.ts";
import { unwrap, wrapped } from "./outcome.ts";
import type { Case, Outcome } from "./outcome.ts";

/** Milliseconds for one process: much for a batch, little for a single program. */
const TIMEOUT = { batch: 4000, single: 1500 };
/** Kibibytes of address space. */
const MEMORY = 1_500_000;
/** jq's exit code for a program that does not compile. */
const REFUSED = 3;

interface Ended {
  readonly code: number | null;
  /** It was stopped for taking too long. */
  readonly stopped: boolean;
  readonly lines: readonly string[];
  readonly complaint: string;
}

export class Reference {
  readonly path: string;
  /** Such as `1.6`. */
  readonly version: string;
  /** `name/arity` of every function it knows. */
  readonly builtins: ReadonlySet<string>;
  private readonly folder: string;
  private runs = 0;

  /** @throws when there is no such program, or it is no jq */
  constructor(path: string) {
    this.path = path;
    const ask = (...args: string[]): string =>
      execFileSync(path, args, { encoding: "utf8" }).trim();
    const version = /jq-(\d+\.\d+(?:\.\d+)?)/.exec(ask("--version"))?.[1];
    if (version === undefined) throw new Error(`${path} is no jq`);
    this.version = version;
    this.builtins = new Set(JSON.parse(ask("-nc", "[builtins]|flatten")) as string[]);
    this.folder = mkdtempSync(join(tmpdir(), "millrace-jq-"));
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** The outcome of each case. */
  async run(cases: readonly Case[]): Promise<Outcome[]> {
    if (cases.length === 0) return [];
    const ended = await this.start(cases);
    const known = cases.map((_, at) => read(ended.lines[at]));
    const missing = known.findIndex((outcome) => outcome === undefined);
    if (missing < 0) return known as Outcome[];
    if (cases.length === 1) return [verdict(ended)];
    // Refused as a whole: either half may be at fault. Ended on the way: the first without an answer is.
    if (ended.code === REFUSED) {
      const middle = cases.length >> 1;
      return [
        ...(await this.run(cases.slice(0, middle))),
        ...(await this.run(cases.slice(middle))),
      ];
    }
    const before = known.slice(0, missing) as Outcome[];
    const culprit = await this.run(cases.slice(missing, missing + 1));
    return [...before, ...culprit, ...(await this.run(cases.slice(missing + 1)))];
  }

  private async start(cases: readonly Case[]): Promise<Ended> {
    const name = join(this.folder, String(this.runs++));
    const functions = cases.map(({ program }, at) => `def p${at}: ${wrapped(program)};`);
    const calls = cases.map((_, at) => `(${at} as $at | $inputs[$at] | [$at, p${at}])`);
    writeFileSync(`${name}.jq`, `${functions.join("\n")}\n. as $inputs | (${calls.join(",\n")})`);
    writeFileSync(`${name}.json`, JSON.stringify(cases.map(({ input }) => input)));
    // The shell is there to bound memory, which Node.js cannot.
    const child = spawn(
      "/bin/sh",
      [
        "-c",
        `ulimit -v ${MEMORY}; exec "$0" "$@"`,
        this.path,
        "-c",
        // What was printed before a crash tells which program it was.
        "--unbuffered",
        "-f",
        `${name}.jq`,
        `${name}.json`,
      ],
      {
        stdio: ["ignore", "pipe", "pipe"],
        timeout: cases.length === 1 ? TIMEOUT.single : TIMEOUT.batch,
        killSignal: "SIGKILL",
      },
    );
    const ended = await finished(child);
    rmSync(`${name}.jq`);
    rmSync(`${name}.json`);
    return ended;
  }
}

function finished(child: ReturnType<typeof spawn>): Promise<Ended> {
  const out: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => complaints.push(chunk));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) =>
      resolve({
        code,
        stopped: signal === "SIGKILL",
        lines: Buffer.concat(out).toString("utf8").split("\n"),
        complaint: Buffer.concat(complaints).toString("utf8").slice(0, 2000),
      }),
    );
  });
}

/** An outcome from a line of output, if it is there and whole. */
function read(line: string | undefined): Outcome | undefined {
  if (line === undefined || !line.endsWith("]")) return undefined;
  const [, pairs] = JSON.parse(line) as [number, Json];
  return unwrap(pairs);
}

/** What a program of its own came to that gave no outputs. */
function verdict({ code, stopped, complaint }: Ended): Outcome {
  if (code === REFUSED) return { kind: "refused", message: complaint };
  if (stopped || /cannot allocate|Out of memory/i.test(complaint)) {
    return { kind: "exhausted", message: complaint };
  }
  return { kind: "crashed", message: `exit code ${code}: ${complaint}` };
}
