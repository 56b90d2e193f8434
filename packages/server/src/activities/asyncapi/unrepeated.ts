/**
 * An inbox for protocols that send a message once and never again (WebSocket, NATS, publish/subscribe of Redis): what has arrived
 * is handed on before the failure that came after it, since nobody would bring it another time.
 */
import { ActivityFailure } from "../failure.ts";
import type { IncomingMessage } from "./protocol.ts";
import type { Inbox } from "./session.ts";

export class Unrepeated {
  readonly #inbox: Inbox;
  readonly #onTaken: () => void;
  #count = 0;
  #bytes = 0;
  #failure: { readonly cause: unknown } | undefined;

  /** @param onTaken called when a message has been taken */
  constructor(inbox: Inbox, onTaken: () => void = () => {}) {
    this.#inbox = inbox;
    this.#onTaken = onTaken;
  }

  /** Messages that were delivered and not yet taken, the one in hand included. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of their payloads. */
  get bytes(): number {
    return this.#bytes;
  }

  deliver(message: Omit<IncomingMessage, "ack">): void {
    if (this.#failure !== undefined) return;
    const size = message.payload.length;
    this.#count += 1;
    this.#bytes += size;
    const taken = (): void => {
      this.#count -= 1;
      this.#bytes -= size;
      this.#onTaken();
      if (this.#count === 0 && this.#failure !== undefined) this.#inbox.fail(this.#failure.cause);
    };
    this.#inbox.deliver({ ...message, ack: async () => taken() }, taken);
  }

  /** Ends the subscription once everything that was delivered has been taken. */
  fail(cause: unknown): void {
    this.#failure ??= { cause };
    if (this.#count === 0) this.#inbox.fail(this.#failure.cause);
  }
}

/** Why a subscription ends whose publisher cannot be told to wait. */
export function tooFast(): ActivityFailure {
  const detail = "messages come faster than the workflow takes them, and the protocol cannot wait";
  return new ActivityFailure("communication", detail, { status: 503, title: "Slow Consumer" });
}

/** Messages and bytes that may wait where the publisher cannot be told to. */
export const MOST_WAITING = { messages: 1_024, bytes: 16 * 1024 * 1024 } as const;
