/** Sends an event to a channel of a broker, through the tenant's egress boundary and the protocol clients of `call: asyncapi`. */
import { failureAt, type ProtocolContext } from "../../activities/asyncapi/protocol.ts";
import type { CallServices } from "../../activities/services.ts";
import type { SharedServices } from "../../activities/tenants.ts";
import { withTimeLimit } from "../../activities/time-limit.ts";
import type { Clock } from "../../clock.ts";
import type { ChannelSettings, Endpoint } from "../endpoint.ts";
import type { Letter, Sent } from "../delivery/sender.ts";
import { identityOf, messageOf } from "../message.ts";
import type { Sealed } from "../sealed.ts";
import { messageId } from "../webhooks/signature.ts";
import { attributePrefix, placeOf, targetOf } from "./place.ts";

export interface ChannelSenderConfig {
  readonly services: Pick<SharedServices, "use">;
  readonly sealed: Pick<Sealed, "channel">;
  readonly clock: Clock;
}

/** Milliseconds until the broker has it. */
const LIMIT = 30_000;

/** Rejects only with the signal's reason. */
export async function sendToChannel(
  endpoint: Endpoint & { readonly settings: ChannelSettings },
  { event, key }: Letter,
  { services, sealed, clock }: ChannelSenderConfig,
  signal: AbortSignal,
): Promise<Sent> {
  const { settings, tenant } = endpoint;
  try {
    const place = placeOf(settings.broker);
    if (typeof place === "string") return { kind: "failed", error: `broker: ${place}` };
    const target = targetOf(place, settings, await sealed.channel(endpoint), key);
    const { contentType, payload, attributes } = messageOf(event, settings.mode);
    const prefix = attributePrefix(place);
    const message = {
      payload,
      contentType,
      headers: Object.fromEntries(
        Object.entries(attributes).map(([name, value]) => [prefix + name, value]),
      ),
      messageId: messageId(identityOf(event)),
    };
    const protocol = await place.entry.load();
    await withTimeLimit(clock, LIMIT, signal, (limited) =>
      services.use(tenant, async (own) => {
        try {
          await protocol.publish(target, message, contextOf(own, clock, endpoint, limited));
        } catch (error) {
          throw failureAt(target, error, limited);
        }
      }),
    );
    return { kind: "delivered" };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "failed", error: error instanceof Error ? error.message : String(error) };
  }
}

/** What the protocol clients are given. */
export function contextOf(
  { door, transport }: CallServices,
  clock: Clock,
  { id }: Pick<Endpoint, "id">,
  signal: AbortSignal,
): ProtocolContext {
  const { maxContentBytes: maxMessageBytes } = transport.limits;
  // The same on every node and after every crash: the broker goes on where it was.
  return { door, transport, clock, signal, maxMessageBytes, subscriptionId: `millrace-${id}` };
}
