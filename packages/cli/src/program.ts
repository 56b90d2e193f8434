/** Every command with its options and help. What a command does is loaded when it is called. */
import { Command } from "commander";
import { client, format, logLevel, port, wholeNumber } from "./options.ts";
import { addCalendar } from "./calendar-program.ts";
import { addChannel, addWebhook } from "./endpoint-program.ts";
import { addEvent } from "./event-program.ts";
import { addMessage, addPayload } from "./payload-program.ts";
import { addSchedule } from "./schedule-program.ts";
import { addWorker } from "./worker-program.ts";

/** Says which exit code the command ended with. */
export type Exit = (code: number) => void;

const EXIT_CODES = `
Exit codes:
  0    done; the workflow completed
  1    the workflow faulted or was cancelled, or the server refused
  2    a usage error, or an input or definition that is not valid
  3    no server answers
  130  interrupted

Start here:
  millrace run examples/hello.yaml --input '{"name":"Ada"}'
  millrace dev                     a whole server on this machine, no set-up
`;

export function createProgram(exit: Exit): Command {
  const program = new Command("millrace")
    .description("Runs workflows durably: Open Workflow DSL definitions in, results out.")
    .version("0.1.0", "-V, --version")
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("(--help lists what there is)")
    .helpCommand(false)
    .addHelpText("after", EXIT_CODES);
  program.commandsGroup("On this machine:");
  addRun(program, exit);
  addValidate(program, exit);
  addDev(program);
  addServer(program);
  program.commandsGroup("With a server:");
  addApply(program, exit);
  addFunction(program, exit);
  addStart(program, exit);
  addList(program);
  addDescribe(program);
  addHistory(program);
  addSignals(program, exit);
  addRetry(program, exit);
  addWorker(program, exit);
  addSchedule(program, exit);
  addCalendar(program);
  addEvent(program);
  addMessage(program);
  addPayload(program, exit);
  addSecret(program);
  addWebhook(program, exit);
  addChannel(program);
  return program;
}

function addRun(program: Command, exit: Exit): void {
  program
    .command("run")
    .summary("run one workflow to its end, here, without a server")
    .description(
      "Runs one workflow to its end in this process and prints its output. Nothing is stored. " +
        "Progress goes to standard error when that is a terminal.",
    )
    .argument("<file>", "the definition, YAML or JSON; - for standard input")
    .option("-i, --input <json>", "the input: JSON, or @file with JSON in it (default: {})")
    .option("--with <file...>", "more definitions, which `run: workflow` may name")
    .option("--secrets-file <file>", "values of secrets: an object of JSON, or lines of NAME=value")
    .addOption(format("the output alone, or everything about the run"))
    .action(async (file: string, options) => {
      const { run } = await import("./commands/run.ts");
      exit(await run(file, options));
    });
}

function addValidate(program: Command, exit: Exit): void {
  program
    .command("validate")
    .summary("check definitions, offline")
    .description("Checks definitions and prints every issue as FILE:LINE:COLUMN PATH: MESSAGE.")
    .argument("<file...>", "definitions, YAML or JSON; - for standard input")
    .addOption(format("text, or a list of the issues"))
    .action(async (files: string[], options) => {
      const { validate } = await import("./commands/validate.ts");
      exit(validate(files, options));
    });
}

function addDev(program: Command): void {
  program
    .command("dev")
    .summary("a whole server on this machine: database, engine, worker, API")
    .description(
      "Starts PostgreSQL, the server and a worker in one process, for development. Everything is durable: " +
        "after a crash or a kill, the next start goes on. Prints `ready URL` when the API answers.",
    )
    .addOption(port())
    .option("--data-dir <folder>", "where everything is stored", ".millrace")
    .addOption(logLevel("warn"))
    .action(async (options) => {
      const { dev } = await import("./commands/dev.ts");
      await dev(options);
    });
}

function addServer(program: Command): void {
  program
    .command("server")
    .summary("a server on your PostgreSQL, for production")
    .description(
      "Starts a server on the PostgreSQL that MILLRACE_DATABASE_URL names. Settings are environment variables: " +
        "see docs/configuration.md. Prints `ready URL` when the API answers.",
    )
    .addOption(port())
    .option("--host <address>", "address to listen on; MILLRACE_HOST")
    .addOption(logLevel("info"))
    .action(async (options) => {
      const { server } = await import("./commands/server.ts");
      await server(options);
    });
}

function addApply(program: Command, exit: Exit): void {
  client(program, "apply")
    .summary("store definitions on the server")
    .description(
      "Stores definitions. A version never changes: the same content again does nothing.",
    )
    .argument("<file...>", "definitions, YAML or JSON; - for standard input")
    .addOption(format("text, or what was stored"))
    .action(async (files: string[], options) => {
      const { apply } = await import("./commands/apply.ts");
      exit(await apply(files, options));
    });
}

function addFunction(program: Command, exit: Exit): void {
  const command = program
    .command("function")
    .summary("put, get or delete a function of the server's default catalog")
    .description(
      "Functions of the server's default catalog, which workflows call as NAME:VERSION@default. " +
        "A change is for workflows applied from then on.",
    );
  client(command, "put")
    .summary("store or replace a function")
    .argument("<function>", "NAME:VERSION")
    .argument("<file>", "the function: a task, YAML or JSON; - for standard input")
    .addOption(format("text, or what was stored"))
    .action(async (name: string, file: string, options) => {
      const { putFunction } = await import("./commands/functions.ts");
      exit(await putFunction(name, file, options));
    });
  client(command, "get")
    .summary("print a function as it was written")
    .argument("<function>", "NAME:VERSION")
    .addOption(format("the text, or everything"))
    .action(async (name: string, options) => {
      const { getFunction } = await import("./commands/functions.ts");
      await getFunction(name, options);
    });
  client(command, "delete")
    .summary("delete a function that was put")
    .argument("<function>", "NAME:VERSION")
    .action(async (name: string, options) => {
      const { deleteFunction } = await import("./commands/functions.ts");
      await deleteFunction(name, options);
    });
}

function addStart(program: Command, exit: Exit): void {
  client(program, "start")
    .summary("start an instance of a workflow")
    .description("Starts an instance and prints its id; with --wait, its output.")
    .argument("<workflow>", "NAMESPACE/NAME")
    .option("-i, --input <json>", "the input: JSON, or @file with JSON in it (default: {})")
    .option("--version <version>", "the workflow's version (default: the newest)")
    .option("-p, --priority <priority>", "P0 (first) to P4 (last) (default: the workflow's, or P2)")
    .option(
      "--wait <duration>",
      "wait at most this long for the end, such as 30s; exits 1 when it goes on",
    )
    .option("--idempotency-key <key>", "at most one instance is ever started for a key")
    .option(
      "--traceparent <value>",
      "W3C Trace Context: the span that the instance's is a child of",
    )
    .option("--tracestate <value>", "W3C Trace Context: goes with --traceparent")
    .addOption(format("text, or everything about the instance"))
    .action(async (workflow: string, options) => {
      const { start } = await import("./commands/start.ts");
      exit(await start(workflow, options));
    });
}

function addList(program: Command): void {
  client(program, "list")
    .summary("list instances, workflows, or functions")
    .description("Lists instances, newest first, or workflows or functions by name and version.")
    .argument("[what]", "instances, workflows or functions", "instances")
    .option("-w, --workflow <workflow>", "only of this NAMESPACE/NAME")
    .option("-s, --status <status...>", "only instances in these statuses")
    .option("-p, --priority <priority...>", "only instances of these priorities")
    .option("--since <time>", "only instances created at or after this RFC 3339 time")
    .option("-n, --limit <count>", "most rows", wholeNumber, 50)
    .addOption(format("a table, or a list"))
    .action(async (what: string, options) => {
      const { list } = await import("./commands/list.ts");
      await list(what, options);
    });
}

function addDescribe(program: Command): void {
  client(program, "describe")
    .summary("show an instance, or a workflow")
    .description("Shows an instance with its tasks, or the definition of a workflow.")
    .argument("<what>", "an instance's id, or NAMESPACE/NAME")
    .option("--version <version>", "the workflow's version (default: the newest)")
    .addOption(format("text, or everything"))
    .action(async (what: string, options) => {
      const { describe } = await import("./commands/describe.ts");
      await describe(what, options);
    });
}

function addHistory(program: Command): void {
  client(program, "history")
    .summary("show what happened to an instance")
    .description("Shows the history of an instance, oldest first; with -o json one fact a line.")
    .argument("<id>", "the instance's id")
    .option("-f, --follow", "go on until the instance has ended")
    .addOption(format("a line, or a JSON object, for each fact"))
    .action(async (id: string, options) => {
      const { history } = await import("./commands/history.ts");
      await history(id, options);
    });
}

function addRetry(program: Command, exit: Exit): void {
  client(program, "retry")
    .summary("let a faulted instance go on from the task that failed")
    .description(
      "Lets a faulted instance go on from the task that failed, or from another beside or around it. " +
        "What has ended stays done. See docs/instances.md.",
    )
    .argument("<id>", "the instance's id")
    .option("--from <task>", "the name or reference of the task to go on from")
    .option("-i, --input <json>", "that task's input: JSON, or @file with JSON in it")
    .option(
      "--wait <duration>",
      "wait at most this long for the end, such as 30s; exits 1 when it goes on",
    )
    .addOption(format("text, or the instance"))
    .action(async (id: string, options) => {
      const { retry } = await import("./commands/retry.ts");
      exit(await retry(id, options));
    });
}

function addSignals(program: Command, exit: Exit): void {
  const signals = [
    ["cancel", "end instances now; what they have done stays done"],
    ["suspend", "halt instances until they are resumed"],
    ["resume", "let suspended instances go on"],
  ] as const;
  for (const [name, summary] of signals) {
    client(program, name)
      .summary(summary)
      .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.`)
      .argument("<id...>", "the instances' ids")
      .option("--reason <text>", "why; kept in the history")
      .addOption(format("text, or the instances"))
      .action(async (ids: string[], options) => {
        const { signal } = await import("./commands/signal.ts");
        exit(await signal(name, ids, options));
      });
  }
}

function addSecret(program: Command): void {
  const secret = program
    .command("secret")
    .summary("set, list and delete the secrets that workflows use")
    .description("Sets, lists and deletes secrets. A value goes in and is never shown again.")
    .helpCommand(false);
  client(secret, "set")
    .summary("set a secret to what standard input holds")
    .description(
      "Sets a secret, or replaces its value, by what standard input holds, without the end of its last line. " +
        "On a terminal it asks, and shows nothing of what is typed.",
    )
    .argument("<name>", "the secret's name, as `use.secrets` lists it")
    .option("--json", "what is given is JSON, not text")
    .action(async (name: string, options) => {
      const { setSecret } = await import("./commands/secret.ts");
      await setSecret(name, options);
    });
  client(secret, "list")
    .summary("list the names of secrets")
    .description("Lists secrets by name, without values.")
    .addOption(format("a table, or a list"))
    .action(async (options) => {
      const { listSecrets } = await import("./commands/secret.ts");
      await listSecrets(options);
    });
  client(secret, "delete")
    .summary("delete secrets")
    .description("Deletes secrets.")
    .argument("<name...>", "the secrets' names")
    .action(async (names: string[], options) => {
      const { deleteSecrets } = await import("./commands/secret.ts");
      await deleteSecrets(names, options);
    });
  client(secret, "rotate-keys")
    .summary("put everything under the newest master key")
    .description(
      "Wraps the keys that encrypt secrets with the first of the server's master keys. See docs/secrets.md.",
    )
    .option("--data-keys", "make new data keys, too, and encrypt every secret with them")
    .action(async (options) => {
      const { rotateKeys } = await import("./commands/secret.ts");
      await rotateKeys(options);
    });
}
