/** Content codings (RFC 9110 §8.4), undone with a bound on what comes out. */
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { ActivityFailure } from "../failure.ts";

type Decoder = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const inflate: Decoder = promisify(zlib.inflate);
const inflateRaw: Decoder = promisify(zlib.inflateRaw);
const gunzip: Decoder = promisify(zlib.gunzip);

/** Servers disagree on whether `deflate` has the zlib wrapper; its two first bytes tell (RFC 1950 §2.2). */
const deflate: Decoder = (bytes, options) => {
  const header = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  const wrapped = (header & 0x0f00) === 0x0800 && header % 31 === 0;
  return (wrapped ? inflate : inflateRaw)(bytes, options);
};

const decoders = new Map<string, Decoder>([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  ["deflate", deflate],
  ["br", promisify(zlib.brotliDecompress)],
  // Node 22.15 and later.
  ...(zlib.zstdDecompress ? [["zstd", promisify(zlib.zstdDecompress)] as [string, Decoder]] : []),
]);

/** Sent as Accept-Encoding. */
export const acceptEncoding = ["gzip", "deflate", "br", "zstd"]
  .filter((name) => decoders.has(name))
  .join(", ");

const MAX_CODINGS = 3;

/** Undoes the codings in `contentEncoding`, last applied first. No stage may give more than `limit` bytes. */
export async function decompress(
  bytes: Buffer,
  contentEncoding: string | undefined,
  limit: number,
): Promise<Buffer> {
  const codings = (contentEncoding ?? "")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  if (codings.length > MAX_CODINGS) throw invalid("has too many content codings");
  let content = bytes;
  // An answer to HEAD, or 204, names a coding but has nothing to decode.
  for (const coding of bytes.length === 0 ? [] : codings.toReversed()) {
    const decode = decoders.get(coding);
    if (decode === undefined) throw invalid(`has the unknown content coding ${coding}`);
    content = await decode(content, { maxOutputLength: limit }).catch((error: unknown) => {
      throw (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE"
        ? tooLarge(limit)
        : invalid(`is not valid ${coding}`);
    });
  }
  return content;
}

export function tooLarge(limit: number): ActivityFailure {
  return new ActivityFailure("communication", `The response is larger than ${limit} bytes.`, {
    status: 502,
    title: "Response Too Large",
  });
}

function invalid(what: string): ActivityFailure {
  return new ActivityFailure("communication", `The response ${what}.`, { status: 502 });
}
