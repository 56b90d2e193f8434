/** Processes that a test starts, listens to and kills. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

export class Child {
  readonly process: ChildProcess;
  readonly lines: string[] = [];
  #waiting: (() => void)[] = [];
  #ended = false;

  constructor(test: TestContext, file: string, given: readonly string[], environment = {}) {
    this.process = spawn(process.execPath, [join(import.meta.dirname, file), ...given], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, ...environment },
    });
    const { stdout } = this.process;
    if (stdout === null) throw new Error("a process without output");
    createInterface(stdout).on("line", (line) => {
      this.lines.push(line);
      this.#wake();
    });
    this.process.once("exit", () => {
      this.#ended = true;
      this.#wake();
    });
    test.after(() => this.kill());
  }

  /** The first line that passes. */
  async line(passes: (line: string) => boolean): Promise<string> {
    for (;;) {
      const found = this.lines.find(passes);
      if (found !== undefined) return found;
      if (this.#ended) throw new Error(`ended after ${JSON.stringify(this.lines)}`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (!this.#ended) this.process.kill(signal);
    while (!this.#ended) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
