/** Reads an event stream (WHATWG HTML, "Server-sent events") while it arrives. */
import { ActivityFailure } from "../failure.ts";

export interface ServerSentEvent {
  readonly data: string;
  /** `message` unless the server gives another. */
  readonly event: string;
  /** The id that the stream last gave, with this event or before. */
  readonly id?: string;
}

export interface EventStreamState {
  id?: string;
  /** Milliseconds to wait before connecting again, once the server has said. */
  retry?: number;
}

interface Draft {
  event: string;
  readonly data: string[];
  size: number;
}

/**
 * Events in order; an event that the end of the stream cuts off is dropped, as the standard says.
 * @param state kept up to date, for the next connection
 * @param limit longest event, in characters
 * @throws {ActivityFailure} `communication` for an event that is longer; what the stream throws
 */
export async function* readEvents(
  body: AsyncIterable<Uint8Array>,
  state: EventStreamState,
  limit: number,
): AsyncGenerator<ServerSentEvent> {
  let draft: Draft = { event: "", data: [], size: 0 };
  for await (const line of readLines(body, limit)) {
    if (line !== "") {
      draft.size += line.length;
      if (draft.size > limit) throw tooLong(limit);
      readField(line, draft, state);
      continue;
    }
    const { data, event } = draft;
    draft = { event: "", data: [], size: 0 };
    if (data.length === 0) continue;
    const { id } = state;
    yield {
      data: data.join("\n"),
      event: event === "" ? "message" : event,
      ...(id === undefined ? {} : { id }),
    };
  }
}

function readField(line: string, draft: Draft, state: EventStreamState): void {
  const colon = line.indexOf(":");
  const name = colon < 0 ? line : line.slice(0, colon);
  const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
  switch (name) {
    case "data":
      draft.data.push(value);
      break;
    case "event":
      draft.event = value;
      break;
    case "id":
      if (!value.includes("\0")) state.id = value;
      break;
    case "retry":
      if (/^\d{1,9}$/.test(value)) state.retry = Number(value);
      break;
  }
}

/** Lines end with CR, LF or both, wherever the pieces are cut. */
async function* readLines(body: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8");
  const pieces: string[] = [];
  let size = 0;
  let afterReturn = false;
  for await (const chunk of body) {
    let text = decoder.decode(chunk, { stream: true });
    if (afterReturn && text.startsWith("\n")) text = text.slice(1);
    if (text !== "") afterReturn = text.endsWith("\r");
    const lines = text.split(/\r\n|\r|\n/);
    const rest = lines.pop() ?? "";
    for (const line of lines) {
      yield `${pieces.join("")}${line}`;
      pieces.length = 0;
      size = 0;
    }
    pieces.push(rest);
    size += rest.length;
    if (size > limit) throw tooLong(limit);
  }
}

function tooLong(limit: number): ActivityFailure {
  const detail = `An event of the stream is longer than ${limit} characters.`;
  return new ActivityFailure("communication", detail, { status: 502, title: "Response Too Large" });
}
