/** `millrace worker` with its options and help. */
import type { Command } from "commander";
import type { Exit } from "./program.ts";
import { apiKey, client, format, urls, wholeNumber } from "./options.ts";

export function addWorker(program: Command, exit: Exit): void {
  const worker = program
    .command("worker")
    .usage("<file> [options] | list [options]")
    .summary("run a module's functions on the tasks of a server, or list who does")
    .description(
      "Takes tasks of `call: worker` and runs the functions that the module exports: `millrace worker FILE`, in full `millrace " +
        "worker run FILE`, whose --help has the options. See docs/workers.md.",
    )
    .helpCommand(false);
  worker
    .command("run", { isDefault: true })
    .summary("run a module's functions on tasks")
    .description(
      "Takes tasks of `call: worker` and runs the functions that the module exports, by their names. " +
        "SIGTERM or Ctrl-C: takes no more, ends those under way, gives back what takes longer than --grace; a second one gives back at once. " +
        "See docs/workers.md.",
    )
    .argument(
      "<file>",
      "a module of JavaScript or TypeScript; its exported functions are what the worker can do",
    )
    .addOption(urls())
    .addOption(apiKey())
    .option("--pool <pool>", "the pool whose tasks to take", "default")
    .option(
      "--name <name>",
      "the worker's name, of no other one (default: host, process and some letters)",
    )
    .option("-c, --concurrency <count>", "tasks at the same time", wholeNumber, 10)
    .option("--grace <duration>", "time for tasks under way when it stops, such as 30s", "30s")
    .action(async (file: string, options) => {
      const { worker: run } = await import("./commands/worker.ts");
      exit(await run(file, options));
    });
  client(worker, "list")
    .summary("list the workers that ask the server for tasks, and what they have")
    .option("-n, --limit <count>", "most rows", wholeNumber, 50)
    .addOption(format("a table, or a list"))
    .action(async (options) => {
      const { listWorkers } = await import("./commands/worker.ts");
      await listWorkers(options);
    });
}
