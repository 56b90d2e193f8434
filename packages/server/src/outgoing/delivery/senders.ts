/** The sender of every kind of endpoint. */
import type { SharedServices } from "../../activities/tenants.ts";
import type { Clock } from "../../clock.ts";
import { sendToChannel } from "../channels/sender.ts";
import type { Sealed } from "../sealed.ts";
import { sendToWebhook } from "../webhooks/sender.ts";
import type { Sender } from "./sender.ts";

export interface SenderConfig {
  readonly services: SharedServices;
  readonly sealed: Sealed;
  readonly clock: Clock;
  /** Epoch milliseconds of the database. */
  readonly now: () => number;
}

export function openSender(config: SenderConfig): Sender {
  return {
    send(endpoint, letter, signal) {
      const { settings } = endpoint;
      return settings.kind === "webhook"
        ? sendToWebhook({ ...endpoint, settings }, letter, config, signal)
        : sendToChannel({ ...endpoint, settings }, letter, config, signal);
    },
  };
}
