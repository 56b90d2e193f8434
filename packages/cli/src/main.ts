/** The millrace command: reads the command line, runs the command, sets the exit code. */
import { CommanderError } from "commander";
import { CommandError, EXIT } from "./exit.ts";
import { complain } from "./output.ts";
import { createProgram } from "./program.ts";

/** @param argv the words after `millrace` */
export async function main(argv: readonly string[]): Promise<void> {
  quietPipes();
  followParent();
  try {
    let exitCode: number = EXIT.ok;
    const program = createProgram((code) => {
      exitCode = code;
    });
    await program.parseAsync([...argv], { from: "user" });
    process.exitCode = exitCode;
  } catch (error) {
    process.exitCode = await explainAny(error);
  }
}

async function explainAny(error: unknown): Promise<number> {
  // Commander has said what is wrong; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.invalid;
  if (error instanceof CommandError) {
    complain(`millrace: ${error.message}`);
    return error.exitCode;
  }
  if (error instanceof Error && error.name === "MillraceError") return explainRefusal(error);
  if (error instanceof Error && error.name === "ConfigError") {
    for (const line of error.message.split("\n")) complain(`millrace: ${line}`);
    return EXIT.invalid;
  }
  // Nobody foresaw it: a report needs to say where it was.
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  for (const line of `millrace: ${text}`.split("\n")) complain(line);
  return EXIT.failed;
}

/** The client is loaded only by the commands that use it. */
async function explainRefusal(error: Error): Promise<number> {
  const { MillraceError } = await import("@millrace/sdk");
  if (!(error instanceof MillraceError)) throw error;
  const { explain } = await import("./client.ts");
  return explain(error);
}

/** A reader that has seen enough (`millrace list | head`) is no error. */
function quietPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(EXIT.ok);
      throw error;
    });
  }
}

/** Started by an older Node.js (bin/millrace.js), this process ends when that one is killed. */
function followParent(): void {
  if (process.channel === undefined) return;
  process.once("disconnect", () => process.exit(EXIT.failed));
  process.channel?.unref();
}
