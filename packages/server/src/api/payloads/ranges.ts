/** `Range` (RFC 9110 section 14.2): one range of bytes is served, anything else as if it had not been asked for. */
import type { ByteRange } from "../../payloads/blob-store.ts";

/** `whole`: there is no range to serve. `none`: it begins behind the last byte. */
export type Asked = ByteRange | "whole" | "none";

const RANGE = /^bytes=[ \t,]*(?:(\d+)-(\d*)|-(\d+))[ \t,]*$/i;

/** @param size bytes of the whole */
export function askedRange(header: string | undefined, size: number): Asked {
  const [matched, from, to, suffix] = RANGE.exec(header ?? "") ?? [];
  if (matched === undefined) return "whole";
  if (suffix !== undefined) return lastBytes(Number(suffix), size);
  const first = Number(from);
  const last = to === "" ? Infinity : Number(to);
  if (last < first) return "whole";
  if (first >= size) return "none";
  return { first, last: Math.min(last, size - 1) };
}

/** Of nothing, the last bytes are all of it. */
function lastBytes(count: number, size: number): Asked {
  if (count === 0) return "none";
  if (size === 0) return "whole";
  return { first: Math.max(0, size - count), last: size - 1 };
}
