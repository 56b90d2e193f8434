/** What a GET or HEAD of a payload is answered with: follows from the payload and the request's headers alone. */
import type { ErrorCode } from "@millrace/protocol";
import type { IncomingHttpHeaders } from "node:http";
import type { ByteRange } from "../../payloads/blob-store.ts";
import type { PayloadInfo } from "../../payloads/payloads.ts";
import { chosenCoding, type Coding, essence, isCompressible } from "./codings.ts";
import { isMatched, isSameForRange, knownTag } from "./conditions.ts";
import { digestField } from "./content-digest.ts";
import { askedRange } from "./ranges.ts";
import { entityTag } from "./views.ts";

type Headers = Readonly<Record<string, string>>;

export type Plan =
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly headers: Headers }
  | { readonly kind: "known"; readonly headers: Headers }
  | {
      readonly kind: "sent";
      readonly status: 200 | 206;
      readonly headers: Headers;
      /** The part to send; the whole unless given. */
      readonly range?: ByteRange;
      /** What the whole is sent in; as it is unless given. */
      readonly coding?: Coding;
    };

export interface Circumstances {
  /** Epoch milliseconds. */
  readonly now: number;
  /** Callers show keys: no cache may give one's answer to another. */
  readonly isPrivate: boolean;
}

export function planAnswer(
  info: PayloadInfo,
  request: IncomingHttpHeaders,
  circumstances: Circumstances,
): Plan {
  const { digest, size, mediaType } = info;
  const tag = entityTag(digest);
  if (!isMatched(request["if-match"], tag))
    return { kind: "refused", code: "precondition-failed", headers: {} };
  const isVarying = isCompressible(mediaType, size);
  const coding = isVarying ? chosenCoding(header(request, "accept-encoding")) : undefined;
  // Whoever has the bytes as they are needs none in a coding.
  const candidates = coding === undefined ? [tag] : [codedTag(digest, coding), tag];
  const cached = caching(info, isVarying, circumstances);
  const known = knownTag(request["if-none-match"], candidates);
  if (known !== undefined) return { kind: "known", headers: { ...cached, etag: known } };

  const asked = isSameForRange(header(request, "if-range"), tag)
    ? askedRange(request.range, size)
    : "whole";
  if (asked === "none") {
    const headers = { "content-range": `bytes */${size}` };
    return { kind: "refused", code: "range-not-satisfiable", headers };
  }
  const headers = { ...cached, ...SAFE, ...disposition(info), "accept-ranges": "bytes" };
  const plain = { ...headers, etag: tag, "repr-digest": digestField(digest) };
  if (asked !== "whole") {
    const { first, last } = asked;
    const part = {
      "content-range": `bytes ${first}-${last}/${size}`,
      "content-length": String(last - first + 1),
    };
    return { kind: "sent", status: 206, headers: { ...plain, ...part }, range: asked };
  }
  // A range is of the bytes as they are; whoever asks for one is not given another representation.
  if (coding === undefined || request.range !== undefined)
    return {
      kind: "sent",
      status: 200,
      headers: { ...plain, "content-length": String(size) },
    };
  const coded = { ...headers, etag: codedTag(digest, coding), "content-encoding": coding };
  return { kind: "sent", status: 200, headers: coded, coding };
}

/** Weak: another release of the compressor makes other bytes of the same. */
function codedTag(digest: string, coding: Coding): string {
  return `W/"${digest}-${coding}"`;
}

function header(request: IncomingHttpHeaders, name: string): string | undefined {
  const value = request[name];
  return value === undefined ? undefined : String(value);
}

const YEAR_S = 31_536_000;

function caching(
  { expiresAt = Infinity }: PayloadInfo,
  isVarying: boolean,
  { now, isPrivate }: Circumstances,
): Headers {
  const seconds = Math.min(YEAR_S, Math.max(0, Math.floor((expiresAt - now) / 1_000)));
  return {
    "cache-control": `${isPrivate ? "private" : "public"}, max-age=${seconds}, immutable`,
    ...(isVarying ? { vary: "accept-encoding" } : {}),
  };
}

/** Whatever was stored, a browser that is led to it runs nothing in the name of this server, and no other page gets it. */
const SAFE: Headers = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "sandbox; default-src 'none'",
  "cross-origin-resource-policy": "same-origin",
};

/** Types that a browser shows without running anything in them. */
const SHOWN = /^(?:text\/plain|application\/json|image\/(?!svg)[^;]+|audio\/[^;]+|video\/[^;]+)$/;

function disposition({ mediaType, digest }: PayloadInfo): Headers {
  const type = essence(mediaType);
  return {
    "content-type": mediaType,
    ...(SHOWN.test(type) ? {} : { "content-disposition": `attachment; filename="${digest}"` }),
  };
}
