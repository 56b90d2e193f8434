/** The port between the queue of an endpoint and what it is: a webhook, a channel of a broker. */
import type { Endpoint } from "../endpoint.ts";

/** One event to send. */
export interface Letter {
  /** The CloudEvent as JSON text. */
  readonly event: string;
  /** Stays in order with the others of its key. */
  readonly key: string;
}

/** What became of it. */
export type Sent =
  | { readonly kind: "delivered"; readonly status?: number }
  | {
      readonly kind: "failed";
      readonly error: string;
      readonly status?: number;
      /** Milliseconds for which the receiver wants to be left alone. */
      readonly retryAfter?: number;
    }
  /** The receiver wants no more, ever. */
  | { readonly kind: "gone"; readonly error: string; readonly status?: number };

export interface Sender {
  /** Never rejects, but for the signal's reason. */
  send(endpoint: Endpoint, letter: Letter, signal: AbortSignal): Promise<Sent>;
}
