/** `millrace event publish`. */
import { randomUUID } from "node:crypto";
import type { CloudEvent } from "@millrace/sdk";
import { type Format, readInput } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { CommandError, EXIT } from "../exit.ts";
import { print, printJson } from "../output.ts";

export interface PublishOptions extends ClientOptions {
  readonly file?: string;
  readonly type?: string;
  readonly source?: string;
  readonly id?: string;
  readonly subject?: string;
  readonly data?: string;
  readonly output: Format;
}

export async function publish(options: PublishOptions): Promise<void> {
  const { events } = connect(options);
  const { accepted, duplicates } = await events.publish(read(options));
  if (options.output === "json") return printJson({ accepted, duplicates });
  print(`${accepted} accepted, ${duplicates} known already`);
}

/** One event of the options, or what the file holds; the server checks it. */
function read({ file, ...options }: PublishOptions): CloudEvent | readonly CloudEvent[] {
  const { type, source, id, subject } = options;
  const data = readInput(options.data, "--data");
  const given = { type, source, id, subject, data };
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  if (file !== undefined) {
    const [first] = said;
    if (first !== undefined)
      throw new CommandError(`--${first[0]}: not together with --file`, EXIT.invalid);
    return readInput(file === "-" ? "@-" : `@${file}`, "--file") as unknown as CloudEvent;
  }
  if (type === undefined)
    throw new CommandError(
      "--type: required, such as com.example.shop.paid; or --file with an event, or a list of them",
      EXIT.invalid,
    );
  return {
    specversion: "1.0",
    id: randomUUID(),
    source: "/millrace/cli",
    ...Object.fromEntries(said),
    type,
  };
}
