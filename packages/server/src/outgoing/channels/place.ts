/** Where a channel is, in the terms of the protocol clients that `call: asyncapi` uses. */
import type { JsonObject } from "@millrace/language";
import type { ProtocolTarget } from "../../activities/asyncapi/protocol.ts";
import { type ProtocolEntry, protocolEntry } from "../../activities/asyncapi/protocols.ts";
import type { ChannelSettings } from "../endpoint.ts";
import type { SealedChannel } from "../sealed.ts";

const FAMILIES: ReadonlySet<string> = new Set(["kafka", "amqp", "mqtt", "nats", "redis"]);
/** Names of AMQP 1.0's CloudEvents binding (3.1.3.1) serve AMQP 0.9.1 as well; MQTT and Redis have no prefix. */
const PREFIXES: Readonly<Record<string, string>> = {
  kafka: "ce_",
  amqp: "cloudEvents:",
  nats: "ce-",
};

export interface Place {
  readonly entry: ProtocolEntry;
  readonly target: Omit<ProtocolTarget, "address" | "bindings" | "credentials">;
}

/** @returns why not, as text, when the URL names no broker that can be spoken to */
export function placeOf(broker: string): Place | string {
  const url = URL.canParse(broker) ? new URL(broker) : undefined;
  const protocol = url?.protocol.slice(0, -1).toLowerCase() ?? "";
  const entry = protocolEntry(protocol);
  if (url === undefined || url.hostname === "") return "is no URL of one broker";
  if (entry === undefined || !FAMILIES.has(entry.family))
    return `has the scheme ${protocol}, which is no broker's that this version speaks`;
  if (url.username !== "" || url.password !== "")
    return "must hold no user or password: those are credentials";
  const { hostname, port, pathname } = url;
  return {
    entry,
    target: {
      protocol,
      secure: entry.secure,
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? entry.defaultPort : Number(port),
      pathname: pathname === "/" ? "" : pathname,
    },
  };
}

/** Where it carries no headers, an event cannot go in binary mode. */
export function carriesHeaders({ entry, target }: Place, bindings: JsonObject): boolean {
  if (entry.family === "mqtt") return target.protocol === "mqtt5";
  // AsyncAPI leaves the Redis binding open; ours makes a stream of a channel (redis.ts).
  if (entry.family === "redis") return Object.keys(bindings).length > 0;
  return true;
}

export function attributePrefix({ entry }: Place): string {
  return PREFIXES[entry.family] ?? "";
}

/** @param key keeps messages of one key together where the broker can (Kafka: the record's key) */
export function targetOf(
  { target }: Place,
  { address, bindings }: ChannelSettings,
  { credentials }: SealedChannel,
  key?: string,
): ProtocolTarget {
  return {
    ...target,
    address,
    credentials,
    bindings: {
      server: {},
      channel: bindings,
      operation: bindings,
      message: key === undefined ? {} : { key },
    },
  };
}
