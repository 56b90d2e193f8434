/** Cursors of lists: opaque to callers, checked when they come back. */
import { RuntimeError } from "../runtime.ts";

export function encodeCursor(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/** @throws {RuntimeError} `invalid-input` for anything {@link encodeCursor} did not give */
export function decodeCursor(cursor: string, length: number): readonly string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
    if (
      Array.isArray(parts) &&
      parts.length === length &&
      // The database's text holds no NUL.
      parts.every((p) => typeof p === "string" && !p.includes("\0"))
    )
      return parts;
  } catch {
    // Falls through to the one answer for all malformed cursors.
  }
  throw new RuntimeError("invalid-input", "the cursor is not one that this list gave");
}
