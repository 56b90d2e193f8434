/** Payloads as the API shows them. */
import { type Payload, ProblemError, type VerifiedPayload } from "@millrace/protocol";
import type { Digest, PayloadInfo, Verified } from "../../payloads/payloads.ts";
import { instant } from "../wire.ts";
import type { EntityTag } from "./conditions.ts";

export function payloadView(info: PayloadInfo): Payload {
  const { digest, size, mediaType, store, kept, createdAt, expiresAt } = info;
  return {
    digest,
    size,
    mediaType,
    store,
    kept,
    createdAt: instant(createdAt),
    ...(expiresAt === undefined ? {} : { expiresAt: instant(expiresAt) }),
  };
}

export function verifiedView(verified: Verified): VerifiedPayload {
  return { ...payloadView(verified), copies: verified.copies.map((copy) => ({ ...copy })) };
}

/** Of the bytes as they are. */
export function entityTag(digest: Digest): EntityTag {
  return `"${digest}"`;
}

export function payloadNotFound(digest: Digest): ProblemError {
  return new ProblemError("payload-not-found", { detail: `there is no payload ${digest}` });
}
