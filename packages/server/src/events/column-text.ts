/** An event's source, id or type as a column holds it; a filter's constant is stored the same way, so the two compare. */
import { createHash } from "node:crypto";
import type { Json } from "@millrace/language";
import { MAX_EVENT_NAME } from "@millrace/protocol/schemas";

/** What comes in by the API is text of bounded length; an `emit` may make anything. A column holds no NUL, an index no long text. */
export function columnText(value: Json | undefined): string {
  const text = typeof value === "string" ? value : JSON.stringify(value ?? null);
  if (text.length > MAX_EVENT_NAME || Buffer.byteLength(text) > MAX_EVENT_NAME)
    return `sha256:${createHash("sha256").update(text).digest("hex")}`;
  return text.replaceAll("\0", "\uFFFD");
}
