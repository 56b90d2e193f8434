/**
 * Finds what a call is about: a channel, the operation on it and its messages, in one form for AsyncAPI 2 and 3.
 *
 * Direction. The call says what the workflow does: with `message` it publishes, with `subscription` it subscribes. A document
 * describes an application, which is usually the other side: 2.6 says that clients may publish to what it lists under `publish`
 * ("messages consumed by the application"), and 3.0's `receive` is the same; so a message goes to `publish`/`receive` and a
 * subscription to `subscribe`/`send`. A document may as well describe the workflow's own side, and the two cannot be told apart.
 * So an operation that is named is taken as it is, whichever way it points; where only a channel is named, the operation of the
 * other side is taken, and the channel's only one when it has no such.
 */
import { isObject, type Json } from "@millrace/language";
import { badArgument } from "../arguments.ts";
import type { Located, LocatedObject } from "../documents/resolver.ts";
import { type AsyncApiDocument, badDocument, listed, namesOf } from "./document.ts";

export type Direction = "publish" | "subscribe";

export interface Wanted {
  readonly operation?: string;
  readonly channel?: string;
  readonly direction: Direction;
}

export interface Operation {
  /** As it stands in errors. */
  readonly name: string;
  /** With `{parameters}`. */
  readonly address: string;
  readonly channel: LocatedObject;
  /** Absent where only a channel is named that says nothing of operations. */
  readonly operation?: LocatedObject;
  /** Message objects, references followed, without traits; empty when the document says nothing of messages. */
  readonly messages: readonly LocatedObject[];
}

/** @throws {ActivityFailure} `configuration` when the document has no such operation or channel */
export function findOperation(document: AsyncApiDocument, wanted: Wanted): Promise<Operation> {
  return document.version === 3 ? findIn3(document, wanted) : findIn2(document, wanted);
}

async function findIn3(document: AsyncApiDocument, wanted: Wanted): Promise<Operation> {
  const { resolver, root } = document;
  if (wanted.operation !== undefined) {
    const name = localName(wanted.operation, "operations");
    const operation = await resolver.object(root, "operations", name);
    if (operation === undefined) throw noOperation(name, namesOf(root.node["operations"]));
    const channel = await resolver.object(operation, "channel");
    if (channel === undefined) throw badDocument(`has no channel for operation ${quoted(name)}`);
    return describe3(document, name, channel, operation);
  }
  const name = localName(wanted.channel ?? "", "channels");
  const channel = await channelOf3(document, name);
  const operation = await operationOn(document, channel, wanted.direction);
  return describe3(document, name, channel, operation);
}

async function describe3(
  { resolver }: AsyncApiDocument,
  name: string,
  channel: LocatedObject,
  operation: LocatedObject | undefined,
): Promise<Operation> {
  const address = channel.node["address"];
  if (typeof address !== "string")
    throw badDocument(`gives no address for the channel of ${quoted(name)}`);
  const own = operation?.node["messages"];
  const messages: LocatedObject[] = [];
  if (Array.isArray(own) && operation !== undefined) {
    for (const node of own) {
      const message = await resolver.object({ node: node as Json, document: operation.document });
      if (message !== undefined) messages.push(message);
    }
  } else {
    for (const key of namesOf(channel.node["messages"])) {
      const message = await resolver.object(channel, "messages", key);
      if (message !== undefined) messages.push(message);
    }
  }
  return { name, address, channel, messages, ...(operation && { operation }) };
}

/** By its key in `channels`, else by its address. */
async function channelOf3(document: AsyncApiDocument, name: string): Promise<LocatedObject> {
  const { resolver, root } = document;
  const byKey = await resolver.object(root, "channels", name);
  if (byKey !== undefined) return byKey;
  for (const key of namesOf(root.node["channels"])) {
    const channel = await resolver.object(root, "channels", key);
    if (channel?.node["address"] === name) return channel;
  }
  throw noChannel(name, namesOf(root.node["channels"]));
}

async function operationOn(
  { resolver, root }: AsyncApiDocument,
  channel: LocatedObject,
  direction: Direction,
): Promise<LocatedObject | undefined> {
  const action = direction === "publish" ? "receive" : "send";
  let other: LocatedObject | undefined;
  for (const key of namesOf(root.node["operations"])) {
    const operation = await resolver.object(root, "operations", key);
    if (operation === undefined) continue;
    const on = await resolver.object(operation, "channel");
    if (on?.node !== channel.node) continue;
    if (operation.node["action"] === action) return operation;
    other ??= operation;
  }
  return other;
}

async function findIn2(document: AsyncApiDocument, wanted: Wanted): Promise<Operation> {
  const { resolver, root } = document;
  const kinds =
    wanted.direction === "publish" ? ["publish", "subscribe"] : ["subscribe", "publish"];
  const addresses = namesOf(root.node["channels"]);
  if (wanted.operation !== undefined) {
    const known: string[] = [];
    for (const address of addresses) {
      const channel = await resolver.object(root, "channels", address);
      for (const kind of kinds) {
        const operation = channel && (await resolver.object(channel, kind));
        const id = operation?.node["operationId"];
        if (typeof id === "string") known.push(id);
        if (channel === undefined || operation === undefined || id !== wanted.operation) continue;
        return describe2(document, id, address, channel, operation);
      }
    }
    throw noOperation(wanted.operation, known);
  }
  const address = wanted.channel ?? "";
  const channel = await resolver.object(root, "channels", address);
  if (channel === undefined) throw noChannel(address, addresses);
  for (const kind of kinds) {
    const operation = await resolver.object(channel, kind);
    if (operation !== undefined) return describe2(document, address, address, channel, operation);
  }
  return { name: address, address, channel, messages: [] };
}

async function describe2(
  { resolver }: AsyncApiDocument,
  name: string,
  address: string,
  channel: LocatedObject,
  operation: LocatedObject,
): Promise<Operation> {
  const message = await resolver.object(operation, "message");
  const choices = message?.node["oneOf"];
  const messages: LocatedObject[] = [];
  if (message !== undefined && Array.isArray(choices)) {
    for (const node of choices) {
      const choice: Located = { node: node as Json, document: message.document };
      const found = await resolver.object(choice);
      if (found !== undefined) messages.push(found);
    }
  } else if (message !== undefined) messages.push(message);
  return { name, address, channel, operation, messages };
}

/** `#/operations/name` is the same as `name`. */
function localName(text: string, section: string): string {
  const prefix = `#/${section}/`;
  if (!text.startsWith(prefix)) return text;
  return text.slice(prefix.length).replaceAll("~1", "/").replaceAll("~0", "~");
}

function noOperation(name: string, known: readonly string[]) {
  return badArgument("operation", `the document has no operation ${quoted(name)}${listed(known)}`);
}

function noChannel(name: string, known: readonly string[]) {
  return badArgument("channel", `the document has no channel ${quoted(name)}${listed(known)}`);
}

function quoted(name: string): string {
  return JSON.stringify(name);
}

/** The object under `bindings` for the first of the names that has one; `{}` when none does. */
export async function bindingOf(
  { resolver }: AsyncApiDocument,
  of: LocatedObject | undefined,
  names: readonly string[],
) {
  for (const name of of === undefined ? [] : names) {
    const binding = await resolver.object(of as LocatedObject, "bindings", name);
    if (binding !== undefined && isObject(binding.node)) return binding.node;
  }
  return {};
}
