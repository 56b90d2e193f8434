/** Parses proto documents in a thread of its own, within limits of time and memory. */
import { Worker } from "node:worker_threads";
import type { Clock } from "../../clock.ts";
import { ActivityFailure } from "../failure.ts";
import { withDependencies } from "./built-in.ts";
import type { ParseOutcome, ParseTask } from "./parse-worker.ts";
import { Schema } from "./schema.ts";

export interface ProtoFile {
  /** As an `import` names it. */
  readonly name: string;
  readonly text: string;
}

export interface ParserLimits {
  /** Milliseconds of parsing. */
  readonly parseTimeout: number;
  readonly parseMemoryMiB: number;
  readonly maxDeclarations: number;
  readonly maxNameLength: number;
}

export const PARSER_LIMITS: ParserLimits = {
  parseTimeout: 5_000,
  parseMemoryMiB: 128,
  maxDeclarations: 20_000,
  maxNameLength: 512,
};

export interface ParserConfig {
  readonly clock: Pick<Clock, "after">;
  readonly limits?: Partial<ParserLimits>;
}

/** Lets so many pass at a time; the others wait in line. */
class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async hold<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free -= 1;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

/** Of the whole process. */
const threads = new Slots(2);

export class ProtoParser {
  readonly #clock: Pick<Clock, "after">;
  readonly #limits: ParserLimits;
  /** One at a time, so that no tenant takes all threads. */
  readonly #slots = new Slots(1);
  readonly #workers = new Set<Worker>();

  constructor(config: ParserConfig) {
    this.#clock = config.clock;
    this.#limits = { ...PARSER_LIMITS, ...config.limits };
  }

  /**
   * What the files and the built-in documents among their imports declare.
   * @throws {ActivityFailure} `configuration` when they cannot be parsed within the limits
   */
  async parse(files: readonly ProtoFile[], imports: Iterable<string>): Promise<Schema> {
    const { maxDeclarations, maxNameLength } = this.#limits;
    const task = { files, builtIn: [...withDependencies(imports)], maxDeclarations, maxNameLength };
    const outcome = await this.#slots.hold(() => threads.hold(() => this.#run(task)));
    if ("fault" in outcome) throw unusable(outcome.fault);
    return new Schema(outcome.schema);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => worker.terminate()));
  }

  async #run(task: ParseTask): Promise<ParseOutcome> {
    const worker = new Worker(new URL("./parse-worker.ts", import.meta.url), {
      workerData: task,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.parseMemoryMiB },
    });
    this.#workers.add(worker);
    let cancel = (): void => {};
    try {
      return await new Promise<ParseOutcome>((resolve, reject) => {
        const { parseTimeout, parseMemoryMiB } = this.#limits;
        cancel = this.#clock.after(parseTimeout, () =>
          reject(unusable(`parsing takes more than ${parseTimeout} ms`)),
        );
        worker.once("message", resolve);
        worker.once("error", (error: NodeJS.ErrnoException) =>
          reject(
            error.code === "ERR_WORKER_OUT_OF_MEMORY"
              ? unusable(`parsing takes more than ${parseMemoryMiB} MiB of memory`)
              : error,
          ),
        );
        worker.once("exit", () => reject(unusable("the parser was stopped")));
      });
    } finally {
      cancel();
      this.#workers.delete(worker);
      await worker.terminate();
    }
  }
}

function unusable(why: string): ActivityFailure {
  return new ActivityFailure("configuration", `The proto document cannot be used: ${why}`);
}
