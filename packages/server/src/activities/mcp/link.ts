/** A connection to an MCP server: a transport of the SDK, listened to, so that a call ends when no answer can come. */
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  isInitializeRequest,
  isJSONRPCErrorResponse,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  type JSONRPCMessage,
  type RequestId,
} from "@modelcontextprotocol/sdk/types.js";

export interface Link {
  readonly transport: Transport;
  /** Says goodbye to the server. What is left of the connection, the transport's `close` ends. */
  leave(): Promise<void>;
}

/** What is known of the request under way: a call makes one after the other. */
export interface Overheard {
  awaited: RequestId | undefined;
  /** The server has said how to take up the stream of the answer again, and the SDK will do so. */
  resumable: boolean;
  /** The answer comes, or may come, after the request has been sent. */
  streaming: boolean;
  /** Notifications that are being sent, such as that of a cancellation. */
  readonly sending: Set<Promise<void>>;
}

export function nothingHeard(): Overheard {
  return { awaited: undefined, resumable: false, streaming: false, sending: new Set() };
}

export interface Listener {
  /** The request has been sent, its answer should have come with that, and has not. */
  unanswered(): void;
  /** Something went wrong that the SDK goes on after. */
  failed(error: Error): void;
}

/** @param state is kept up to date; `streaming` is reset with each request, and set by whoever knows */
export function overhear(inner: Transport, state: Overheard, listener: Listener): Transport {
  const outer: Transport = {
    async start() {
      const handlers: Pick<Transport, "onmessage" | "onclose" | "onerror"> = {
        onmessage: (message, extra) => {
          if (isAnswer(message) && message.id === state.awaited) state.awaited = undefined;
          outer.onmessage?.(message, extra);
        },
        onclose: () => outer.onclose?.(),
        onerror: (error) => {
          listener.failed(error);
          outer.onerror?.(error);
        },
      };
      Object.assign(inner, handlers);
      await inner.start();
    },
    async send(message, options) {
      if (!isJSONRPCRequest(message)) {
        const sent = inner.send(message, options);
        state.sending.add(sent);
        return sent.finally(() => state.sending.delete(sent));
      }
      state.awaited = message.id;
      state.resumable = false;
      state.streaming = false;
      await inner.send(message, { ...options, onresumptiontoken: () => (state.resumable = true) });
      if (state.awaited === message.id && !state.streaming) listener.unanswered();
    },
    close: () => inner.close(),
    setProtocolVersion: (version) => inner.setProtocolVersion?.(version),
  };
  return outer;
}

/** The SDK always asks for the newest version of MCP it knows; this asks for the given one. */
export function askingFor(protocolVersion: string, transport: Transport): Transport {
  const send = transport.send.bind(transport);
  transport.send = (message, options) => {
    if (!isInitializeRequest(message)) return send(message, options);
    const params = { ...message.params, protocolVersion };
    return send({ ...message, params }, options);
  };
  return transport;
}

function isAnswer(message: JSONRPCMessage): message is JSONRPCMessage & { id: RequestId } {
  return isJSONRPCResultResponse(message) || isJSONRPCErrorResponse(message);
}
