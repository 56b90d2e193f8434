/** `millrace message …` and `millrace payload …` with their options and help. */
import type { Command } from "commander";
import { client, format, wholeNumber } from "./options.ts";
import type { Exit } from "./program.ts";

export function addMessage(program: Command): void {
  const message = program
    .command("message")
    .summary("put, get or delete messages: texts under their digest")
    .description("Messages: texts under the SHA-256 of their UTF-8 bytes. See docs/messages.md.")
    .helpCommand(false);
  client(message, "put")
    .summary("store a message and print its digest")
    .argument("<message>", "the text; - for what standard input holds")
    .addOption(format("the digest alone, or JSON"))
    .action(async (text: string, options) => {
      const { putMessage } = await import("./commands/message.ts");
      await putMessage(text, options);
    });
  client(message, "get")
    .summary("print a message")
    .argument("<digest>", "its digest")
    .addOption(format("the text alone, or JSON"))
    .action(async (digest: string, options) => {
      const { getMessage } = await import("./commands/message.ts");
      await getMessage(digest, options);
    });
  client(message, "delete")
    .summary("delete messages")
    .argument("<digest...>", "their digests")
    .action(async (digests: string[], options) => {
      const { deleteMessages } = await import("./commands/message.ts");
      await deleteMessages(digests, options);
    });
}

export function addPayload(program: Command, exit: Exit): void {
  const payload = program
    .command("payload")
    .summary("put, get, list, verify or delete payloads: bytes under their digest")
    .description("Payloads: bytes of any kind and size under their SHA-256. See docs/messages.md.")
    .helpCommand(false);
  client(payload, "put")
    .summary("store a file and print its digest")
    .argument("<file>", "the file; - for standard input")
    .option("--type <type>", "the media type it is given back with")
    .option("--ttl <duration>", "how long it is kept, such as 1h (default: until it is deleted)")
    .addOption(format("the digest alone, or all that is known of it"))
    .action(async (file: string, options) => {
      const { putPayload } = await import("./commands/payload.ts");
      await putPayload(file, options);
    });
  client(payload, "get")
    .summary("write a payload's bytes to standard output, or to a file")
    .argument("<digest>", "its digest")
    .option("-f, --file <file>", "the file, which is there when all bytes have come and are right")
    .action(async (digest: string, options) => {
      const { getPayload } = await import("./commands/payload.ts");
      await getPayload(digest, options);
    });
  inspecting(payload, exit);
}

function inspecting(payload: Command, exit: Exit): void {
  client(payload, "describe")
    .summary("show what is known of a payload")
    .argument("<digest>", "its digest")
    .addOption(format("text, or everything"))
    .action(async (digest: string, options) => {
      const { describePayload } = await import("./commands/payload.ts");
      await describePayload(digest, options);
    });
  client(payload, "list")
    .summary("list the payloads and messages that are kept")
    .option("-n, --limit <count>", "most rows", wholeNumber, 50)
    .addOption(format("a table, or a list"))
    .action(async (options) => {
      const { listPayloads } = await import("./commands/payload.ts");
      await listPayloads(options);
    });
  client(payload, "verify")
    .summary("read every copy of payloads, and repair what is damaged")
    .description(
      "Reads every copy; one that is damaged or missing is written anew from one that is right. " +
        "Exits 1 when one still is.",
    )
    .argument("<digest...>", "their digests")
    .addOption(format("a line for each, or a list"))
    .action(async (digests: string[], options) => {
      const { verifyPayloads } = await import("./commands/payload.ts");
      exit(await verifyPayloads(digests, options));
    });
  client(payload, "delete")
    .summary("delete payloads")
    .argument("<digest...>", "their digests")
    .action(async (digests: string[], options) => {
      const { deletePayloads } = await import("./commands/payload.ts");
      await deletePayloads(digests, options);
    });
}
