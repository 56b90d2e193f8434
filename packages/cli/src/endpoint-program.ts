/** `millrace webhook …` and `millrace channel …` with their options and help. */
import { type Command, Option } from "commander";
import { client, format, wholeNumber } from "./options.ts";
import type { Exit } from "./program.ts";

type Kind = "webhook" | "channel";

export function addWebhook(program: Command, exit: Exit): void {
  const webhook = program
    .command("webhook")
    .summary("create, test, list, replay … webhooks, which events are sent to")
    .description("Webhooks: addresses that events are POSTed to, signed. See docs/webhooks.md.")
    .helpCommand(false);
  for (const verb of ["create", "update"] as const)
    common(client(webhook, verb))
      .summary(`${verb} a webhook`)
      .description(
        verb === "create"
          ? "Creates a webhook and shows its secret, this once."
          : "Changes a webhook; what is not given stays.",
      )
      .argument("<name>", "the webhook's name")
      .option("--to <url>", "where events are sent: an http or https URL")
      .option("--header <field...>", "a header field of every request: 'Name: value'")
      .option("--rotate-secret", "make a new secret; the former one signs too, for a day")
      .addOption(format("text, or the webhook"))
      .action(async (name: string, options) => {
        const { writeWebhook } = await import("./commands/endpoint/write.ts");
        await writeWebhook(verb, name, options);
      });
  client(webhook, "test")
    .summary("send a test event now")
    .description("Sends a test event to a webhook now, and says what the receiver answers.")
    .argument("<name>", "the webhook's name")
    .addOption(format("text, or what became of it"))
    .action(async (name: string, options) => {
      const { testWebhook } = await import("./commands/endpoint/show.ts");
      exit(await testWebhook(name, options));
    });
  shared(webhook, "webhook");
}

export function addChannel(program: Command): void {
  const channel = program
    .command("channel")
    .summary("create, list, replay … channels of brokers that events come from or go to")
    .description("Channels: topics, queues and subjects of brokers. See docs/webhooks.md.")
    .helpCommand(false);
  for (const verb of ["create", "update"] as const)
    common(client(channel, verb))
      .summary(`${verb} a channel`)
      .description(
        verb === "create"
          ? "Creates a channel. Credentials are read as JSON from standard input."
          : "Changes a channel; what is not given stays.",
      )
      .argument("<name>", "the channel's name")
      .addOption(
        new Option("--direction <direction>", "in: from the broker; out: to it").choices([
          "in",
          "out",
        ]),
      )
      .option("--broker <url>", "such as kafka://broker.example:9092")
      .option("--address <address>", "the topic, queue, subject or channel")
      .option("--binding <json>", "bindings of the protocol as JSON, or @FILE")
      .option("--wrap-type <type>", "in: type of the events made of what is no CloudEvent")
      .option("--wrap-source <source>", "in: source of those events")
      .option("--credentials", "read username and password, or token, as JSON from standard input")
      .addOption(format("text, or the channel"))
      .action(async (name: string, options) => {
        const { writeChannel } = await import("./commands/endpoint/write.ts");
        await writeChannel(verb, name, options);
      });
  shared(channel, "channel");
}

/** What both are created and changed with. */
function common(command: Command): Command {
  return command
    .option("--type <pattern...>", "types of events, or their beginning with a final *")
    .option("--source <pattern...>", "only events from these sources")
    .option("--workflow <pattern...>", "only events of these workflows: NAMESPACE/NAME")
    .option("--subject <pattern...>", "only events with these subjects")
    .addOption(
      new Option("--mode <mode>", "the whole event as JSON, or its data").choices([
        "structured",
        "binary",
      ]),
    )
    .option("--min-delay <duration>", "longest pause after the first failure (default: 5s)")
    .option("--max-delay <duration>", "longest pause after any failure (default: 1h)")
    .option("--give-up-after <duration>", "time until an event is a dead letter (default: 1d)")
    .option("--pause", "keep events and send nothing")
    .option("--resume", "go on, also after the server turned it off");
}

function shared(parent: Command, kind: Kind): void {
  client(parent, "list")
    .summary(`list ${kind}s`)
    .description(`Lists ${kind}s by name.`)
    .addOption(format("a table, or a list"))
    .action(async (options) => {
      const { listEndpoints } = await import("./commands/endpoint/show.ts");
      await listEndpoints(kind, options);
    });
  client(parent, "get")
    .summary(`show a ${kind}`)
    .description(`Shows a ${kind} as it stands.`)
    .argument("<name>", `the ${kind}'s name`)
    .addOption(format("JSON in any case"))
    .action(async (name: string, options) => {
      const { getEndpoint } = await import("./commands/endpoint/show.ts");
      await getEndpoint(kind, name, options);
    });
  client(parent, "delete")
    .summary(`delete ${kind}s`)
    .description(`Deletes ${kind}s, with what is on its way to them.`)
    .argument("<name...>", `the ${kind}s' names`)
    .action(async (names: string[], options) => {
      const { deleteEndpoints } = await import("./commands/endpoint/show.ts");
      await deleteEndpoints(kind, names, options);
    });
  client(parent, "deliveries")
    .summary("list dead letters, or what is on its way")
    .description("Lists dead letters, or what is on its way; the oldest first.")
    .argument("<name>", `the ${kind}'s name`)
    .addOption(new Option("--state <state>", "which").choices(["dead", "waiting"]).default("dead"))
    .option("-n, --limit <count>", "most rows", wholeNumber, 50)
    .addOption(format("a table, or a list"))
    .action(async (name: string, options) => {
      const { listDeliveries } = await import("./commands/endpoint/show.ts");
      await listDeliveries(kind, name, options);
    });
  client(parent, "replay")
    .summary("send dead letters again")
    .description("Queues dead letters again: those of these ids, or all.")
    .argument("<name>", `the ${kind}'s name`)
    .argument("[id...]", "ids that `deliveries` shows")
    .action(async (name: string, ids: string[], options) => {
      const { replay } = await import("./commands/endpoint/show.ts");
      await replay(kind, name, ids, options);
    });
}
