/** `millrace webhook|channel create|update NAME`. */
import type {
  ChannelChange,
  EventFilter,
  JsonObject,
  NewChannel,
  NewWebhook,
  WebhookChange,
} from "@millrace/sdk";
import { type Format, readInput, readText } from "../../arguments.ts";
import { type ClientOptions, connect } from "../../client.ts";
import { CommandError, EXIT } from "../../exit.ts";
import { complain, print, printJson } from "../../output.ts";

interface CommonOptions extends ClientOptions {
  readonly output: Format;
  readonly type?: string[];
  readonly source?: string[];
  readonly workflow?: string[];
  readonly subject?: string[];
  readonly mode?: "structured" | "binary";
  readonly minDelay?: string;
  readonly maxDelay?: string;
  readonly giveUpAfter?: string;
  readonly pause?: boolean;
  readonly resume?: boolean;
}
export interface WebhookOptions extends CommonOptions {
  readonly to?: string;
  readonly header?: readonly string[];
  readonly rotateSecret?: boolean;
}
export interface ChannelOptions extends CommonOptions {
  readonly direction?: "in" | "out";
  readonly broker?: string;
  readonly address?: string;
  readonly binding?: string;
  readonly wrapType?: string;
  readonly wrapSource?: string;
  readonly credentials?: boolean;
}
type Verb = "create" | "update";

export async function writeWebhook(
  verb: Verb,
  name: string,
  options: WebhookOptions,
): Promise<void> {
  const { webhooks } = connect(options);
  const { to: url, header, rotateSecret } = options;
  const given: WebhookChange = {
    ...common(options),
    ...(url === undefined ? {} : { url }),
    ...(header === undefined ? {} : { headers: Object.fromEntries(header.map(field)) }),
    ...(rotateSecret === true && verb === "update" ? { rotateSecret } : {}),
  };
  const written =
    verb === "update"
      ? await webhooks.update(name, given)
      : await webhooks.create(complete(name, given));
  if (options.output === "json") return printJson(written);
  complain(`${name}: ${verb}d`);
  if (written.secret !== undefined) print(written.secret);
}

export async function writeChannel(
  verb: Verb,
  name: string,
  options: ChannelOptions,
): Promise<void> {
  const { channels } = connect(options);
  const { direction, broker, address, binding, wrapType: type, wrapSource: source } = options;
  const bindings = readInput(binding, "--binding") as JsonObject | undefined;
  const credentials = options.credentials === true ? readCredentials() : undefined;
  const given: ChannelChange = {
    ...common(options),
    ...(broker === undefined ? {} : { broker }),
    ...(address === undefined ? {} : { address }),
    ...(bindings === undefined ? {} : { bindings }),
    ...(type === undefined ? {} : { wrap: { type, ...(source === undefined ? {} : { source }) } }),
    ...(credentials === undefined ? {} : { credentials }),
  };
  const written =
    verb === "update"
      ? await channels.update(name, given)
      : // What is missing the server says, with its place.
        await channels.create({ name, direction, ...given } as NewChannel);
  if (options.output === "json") return printJson(written);
  complain(`${name}: ${verb}d`);
}

function common(options: CommonOptions) {
  const { type: types, source: sources, workflow: workflows, subject: subjects } = options;
  const { mode, minDelay, maxDelay, giveUpAfter } = options;
  const retry = present({ minDelay, maxDelay, giveUpAfter });
  const filter = present({ types, sources, workflows, subjects });
  if (Object.keys(filter).length > 0 && types === undefined)
    throw new CommandError(
      "--type: required with --source, --workflow and --subject",
      EXIT.invalid,
    );
  return {
    ...(types === undefined ? {} : { filter: filter as EventFilter }),
    ...(Object.keys(retry).length === 0 ? {} : { retry }),
    ...(mode === undefined ? {} : { mode }),
    ...(options.pause === true ? { paused: true } : {}),
    ...(options.resume === true ? { paused: false } : {}),
  };
}

function present<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function complete(name: string, { url, filter, ...given }: WebhookChange): NewWebhook {
  if (url === undefined)
    throw new CommandError("--to: required: where events are sent", EXIT.invalid);
  if (filter === undefined)
    throw new CommandError("--type: required: which events, such as 'com.shop.*'", EXIT.invalid);
  const { rotateSecret: _, ...others } = given;
  return { name, url, filter, ...others };
}

function field(text: string): [string, string] {
  const at = text.indexOf(":");
  if (at < 1) throw new CommandError(`--header ${text}: expected 'Name: value'`, EXIT.invalid);
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

/** JavaScript's own message would quote the text. */
function readCredentials(): NonNullable<NewChannel["credentials"]> {
  try {
    return JSON.parse(readText("-")) as NonNullable<NewChannel["credentials"]>;
  } catch {
    throw new CommandError("--credentials: standard input is not JSON", EXIT.invalid);
  }
}
