/** `Content-Digest` and `Repr-Digest` (RFC 9530), of which payloads read and write SHA-256, and read SHA-512. */
import { ProblemError } from "@millrace/protocol";
import type { Digest } from "../../payloads/payloads.ts";

/** In lower-case hexadecimal. */
export interface SentDigests {
  readonly sha256?: Digest;
  readonly sha512?: string;
}

/** `sha-256=:BASE64:`. */
export function digestField(digest: Digest): string {
  return `sha-256=:${Buffer.from(digest, "hex").toString("base64")}:`;
}

type Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * What a sender says of the body's digest: of a body without content coding both fields say the same. Other algorithms are
 * passed over, as section 2 has it.
 * @param fields headers or trailers, names in lower case
 * @throws {ProblemError} `invalid-digest`
 */
export function sentDigests(fields: Fields): SentDigests {
  const found: { sha256?: Digest; sha512?: string } = {};
  for (const name of ["content-digest", "repr-digest"]) {
    const value = fields[name];
    if (value === undefined) continue;
    for (const [algorithm, digest] of members(name, String(value))) {
      const key = algorithm === "sha-256" ? "sha256" : "sha512";
      if (found[key] !== undefined && found[key] !== digest)
        throw malformed(name, `${algorithm} is given twice, with different values`);
      found[key] = digest;
    }
  }
  return found;
}

const BYTES: Readonly<Record<string, number>> = { "sha-256": 32, "sha-512": 64 };

/** A dictionary of RFC 8941 whose members are byte sequences. */
function members(field: string, value: string): readonly (readonly [string, string])[] {
  return value.split(",").flatMap((member) => {
    const [, algorithm = "", base64] =
      /^[ \t]*([a-z*][a-z0-9_.*-]*)=:([A-Za-z0-9+/]*={0,2}):[ \t]*(?:;.*)?$/.exec(member) ?? [];
    if (base64 === undefined) throw malformed(field, member.trim());
    const length = BYTES[algorithm];
    if (length === undefined) return [];
    const bytes = Buffer.from(base64, "base64");
    if (bytes.length === length) return [[algorithm, bytes.toString("hex")] as const];
    throw malformed(field, `${algorithm} has ${length} bytes, not ${bytes.length}`);
  });
}

function malformed(field: string, what: string): ProblemError {
  return new ProblemError("invalid-digest", {
    detail: `${field}: ${what.slice(0, 200)}: expected such as sha-256=:BASE64:`,
  });
}
