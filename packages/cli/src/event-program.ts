/** `millrace event …` with its options and help. */
import type { Command } from "commander";
import { client, format } from "./options.ts";

export function addEvent(program: Command): void {
  const event = program
    .command("event")
    .summary("publish events, which workflows listen to")
    .description("Events (CloudEvents) for workflows that listen. See docs/events.md.")
    .helpCommand(false);
  client(event, "publish")
    .summary("publish an event")
    .description(
      "Publishes an event, or those of a file, and says how many were new: one is known by source and id.",
    )
    .option("--type <type>", "what happened, such as com.example.shop.paid")
    .option("--source <uri>", "where it happened (default: /millrace/cli)")
    .option("--id <id>", "unique among the events of the source (default: a random one)")
    .option("--subject <subject>", "what in the source it is about")
    .option("--data <json>", "the data: JSON, or @file with JSON in it")
    .option("-f, --file <file>", "an event, or a list of them, as JSON; - for standard input")
    .addOption(format("text, or how many"))
    .action(async (options) => {
      const { publish } = await import("./commands/event.ts");
      await publish(options);
    });
}
