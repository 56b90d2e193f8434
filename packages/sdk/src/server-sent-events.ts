/** Reads `text/event-stream` (WHATWG HTML section 9.2.6): fields of a line each, an empty line ends an event. */

export interface ServerSentEvent {
  /** The last id seen, this event's included; empty when none was. */
  readonly id: string;
  /** `message` unless given. */
  readonly event: string;
  readonly data: string;
}

/** Longest event in characters; a server that sends more is not one of ours. */
const LONGEST_EVENT = 64 * 1024 * 1024;

/**
 * The events of a body. Comments give nothing but show that the other side lives: `onBytes` is called with each chunk.
 * An event that the end of the body cuts off is dropped.
 */
export async function* serverSentEvents(
  body: ReadableStream<Uint8Array>,
  onBytes: () => void = () => {},
): AsyncGenerator<ServerSentEvent, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parser = new Parser();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      rest += decoder.decode(value, { stream: true });
      if (rest.length > LONGEST_EVENT) throw new RangeError("a server-sent event without end");
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const event = parser.line(line.endsWith("\r") ? line.slice(0, -1) : line);
        if (event !== undefined) yield event;
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

class Parser {
  #id = "";
  #event = "";
  #data: string[] = [];

  /** Takes a line in; gives the event that it ends, if it ends one. */
  line(line: string): ServerSentEvent | undefined {
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.#id = value;
    else if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    return undefined;
  }

  #dispatch(): ServerSentEvent | undefined {
    const data = this.#data;
    const event = this.#event || "message";
    this.#data = [];
    this.#event = "";
    return data.length === 0 ? undefined : { id: this.#id, event, data: data.join("\n") };
  }
}
