/** `PUT /v1/payloads`: bytes of any size and type, stored while they arrive. */
import { type Issue, parseDuration, ProblemError } from "@millrace/protocol";
import { Payload, PayloadPutQuery, ref } from "@millrace/protocol/schemas";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { IncomingHttpHeaders } from "node:http";
import type { Kept, Payloads } from "../../payloads/payloads.ts";
import { DEFAULT_TENANT } from "../../runtime.ts";
import { linger, refuseCoding, tooLarge } from "../bodies.ts";
import type { ApiContext } from "../context.ts";
import { answers, problems } from "../documented.ts";
import { goOn } from "../expectations.ts";
import { sentDigests } from "./content-digest.ts";
import { asUpload, uploadedBytes } from "./uploads.ts";
import { entityTag, payloadView } from "./views.ts";

const HEADERS = {
  Location: { type: "string", description: "The payload's address." },
  ETag: { type: "string", description: "The digest, in quotes." },
};

const SCHEMA = {
  operationId: "putPayload",
  summary: "Store bytes",
  description:
    "Answers once they are durable. The same bytes again change nothing but the time they are kept. `Content-Digest` and `Repr-Digest` (RFC 9530: sha-256, sha-512; as headers, or as announced trailers) are checked. With `Expect: 100-continue`, what can be refused by its headers is refused before the body is sent.",
  tags: ["payloads"],
  querystring: PayloadPutQuery,
  body: {
    content: { "*/*": { schema: { description: "The bytes, as they are to be given back." } } },
  },
  response: {
    200: answers("A user keeps these bytes already.", ref(Payload), HEADERS),
    201: answers("They are stored, durably.", ref(Payload), HEADERS),
    ...problems(
      "invalid-digest",
      "digest-mismatch",
      "invalid-body",
      "payload-too-large",
      "unsupported-media-type",
    ),
  },
};

type PutRequest = FastifyRequest<{ Querystring: { readonly ttl?: unknown } }>;

export function putPayload(app: FastifyInstance, context: ApiContext, payloads: Payloads): void {
  app.put<{ Querystring: { readonly ttl?: unknown } }>("/v1/payloads", {
    schema: SCHEMA,
    // The body is a stream, and the query's one member is more than a pattern.
    validatorCompiler: () => () => true,
    handler: async (request, reply) => {
      const { raw } = request;
      const kept = await keepBody(context, payloads, request, reply).finally(() =>
        linger(raw, context.clock),
      );
      void reply.code(kept.created ? 201 : 200).headers({
        location: `/v1/payloads/${kept.digest}`,
        etag: entityTag(kept.digest),
      });
      return payloadView(kept);
    },
  });
}

/** What the headers are enough to refuse is refused before a byte of the body is read. */
async function keepBody(
  { config, clock }: ApiContext,
  payloads: Payloads,
  { raw, query }: PutRequest,
  reply: FastifyReply,
): Promise<Kept> {
  const limit = config.payloadMaxBytes;
  const ttl = ttlOf(query.ttl);
  const options = { ...described(raw.headers), ...(ttl === undefined ? {} : { ttl }) };
  const { size = 0 } = options;
  if (size > limit) throw tooLarge(limit);
  const digests = sentDigests(raw.headers);
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort());
  goOn(raw, reply.raw);
  return asUpload(raw, () =>
    payloads.keep(DEFAULT_TENANT, uploadedBytes(raw, { limit, digests }, clock), {
      ...options,
      ...(digests.sha256 === undefined ? {} : { expected: digests.sha256 }),
      signal: gone.signal,
    }),
  );
}

/** What the headers say of the body. @throws {ProblemError} for what cannot be stored as it is said to be */
function described(headers: IncomingHttpHeaders): { size?: number; mediaType?: string } {
  refuseCoding(headers);
  if (headers["content-range"] !== undefined) {
    // RFC 9110 section 14.5.
    const detail = "Content-Range: a part cannot be put; send the whole";
    throw new ProblemError("invalid-request", { detail });
  }
  const mediaType = headers["content-type"];
  if (mediaType !== undefined) checkMediaType(mediaType);
  const length = headers["content-length"];
  const isChunked = headers["transfer-encoding"] !== undefined;
  return {
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(isChunked ? {} : { size: Number(length ?? 0) }),
  };
}

const TOKEN = "[A-Za-z0-9!#$%&'+.^_`|~-]+";
const PARAMETER = `[ \\t]*;[ \\t]*(?:${TOKEN}=(?:${TOKEN}|"(?:[\\t\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\t\\x20-\\x7e])*"))?`;
/** RFC 9110 section 8.3.1, in ASCII. */
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?:${PARAMETER})*[ \\t]*$`);
const LONGEST_TYPE = 255;

/** It is given back as a header: what stands in it must be one. */
function checkMediaType(text: string): void {
  if (text.length <= LONGEST_TYPE && MEDIA_TYPE.test(text)) return;
  throw new ProblemError("unsupported-media-type", {
    detail: `Content-Type: expected one media type of at most ${LONGEST_TYPE} ASCII characters, such as image/png`,
  });
}

/** Milliseconds: a hundred years. */
const LONGEST_TTL = 36_525 * 86_400_000;

function ttlOf(text: unknown): number | undefined {
  if (text === undefined) return undefined;
  const ttl = typeof text === "string" ? parseDuration(text) : undefined;
  if (ttl !== undefined && ttl > 0 && ttl <= LONGEST_TTL) return ttl;
  const message = "expected a duration of at most 100 years, such as 1h or PT1H";
  const issues: Issue[] = [{ path: "query.ttl", message }];
  throw new ProblemError("invalid-request", { detail: `query.ttl: ${message}`, issues });
}
