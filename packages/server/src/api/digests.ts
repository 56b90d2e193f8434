/** Digests as callers write them. */
import { ProblemError } from "@millrace/protocol";

const DIGEST = /^[0-9a-f]{64}$/;

/**
 * Lower-case alone: the digest is the name under which caches know a payload, and a name has one spelling.
 * @throws {ProblemError} `invalid-digest`
 */
export function checkDigest(text: string): string {
  if (DIGEST.test(text)) return text;
  throw new ProblemError("invalid-digest", { detail: `${shown(text)}: ${faultOf(text)}` });
}

function faultOf(text: string): string {
  if (!/^[0-9a-f]*$/i.test(text)) return "expected hexadecimal digits alone";
  if (text.length !== 64) return `expected 64 hexadecimal digits, not ${text.length}`;
  return "expected lower-case digits";
}

function shown(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
