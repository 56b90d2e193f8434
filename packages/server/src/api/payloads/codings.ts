/** Content codings (RFC 9110 section 12.5.3) that payloads are sent in. */
import type { Transform } from "node:stream";
import { constants, createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";

export type Coding = "zstd" | "br" | "gzip";

/** The best for their time first. */
const CODINGS: readonly Coding[] = ["zstd", "br", "gzip"];

/** Below this many bytes, nothing is gained. */
const LEAST_SIZE = 1_024;

const COMPRESSIBLE =
  /^(?:text\/|application\/(?:json|xml|javascript|ecmascript|yaml|x-yaml|toml|sql|graphql|x-ndjson|wasm|rtf)$|image\/(?:bmp|x-icon)$|font\/(?:otf|ttf)$)|\+(?:json|xml|yaml)$/;

/** Whether it may be sent in a coding at all: what it is sent in depends on the caller, and caches are to know. */
export function isCompressible(mediaType: string, size: number): boolean {
  return size >= LEAST_SIZE && COMPRESSIBLE.test(essence(mediaType));
}

/** `text/html` of `Text/HTML; charset=utf-8`. */
export function essence(mediaType: string): string {
  return (mediaType.split(";", 1)[0] as string).trim().toLowerCase();
}

/** The coding that `Accept-Encoding` likes best; none where it likes the bytes as they are no less. */
export function chosenCoding(acceptEncoding: string | undefined): Coding | undefined {
  if (acceptEncoding === undefined) return undefined;
  const weights = weightsOf(acceptEncoding);
  const weight = (coding: string): number => weights.get(coding) ?? weights.get("*") ?? 0;
  const [best] = CODINGS.toSorted((a, b) => weight(b) - weight(a));
  if (best === undefined || weight(best) === 0) return undefined;
  return (weights.get("identity") ?? 0) > weight(best) ? undefined : best;
}

function weightsOf(header: string): ReadonlyMap<string, number> {
  const items = header.split(",").map((item): [string, number] => {
    const [name = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    const q = parameters.find((part) => part.startsWith("q="))?.slice(2) ?? "1";
    return [name === "x-gzip" ? "gzip" : name, /^(?:0|1)(?:\.\d{0,3})?$/.test(q) ? Number(q) : 0];
  });
  return new Map(items);
}

/** Levels and windows for answers made while they are sent. */
export function encoder(coding: Coding): Transform {
  if (coding === "gzip") return createGzip({ level: 6 });
  if (coding === "zstd")
    return createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: 3 } });
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN } = constants;
  return createBrotliCompress({ params: { [BROTLI_PARAM_QUALITY]: 4, [BROTLI_PARAM_LGWIN]: 19 } });
}
