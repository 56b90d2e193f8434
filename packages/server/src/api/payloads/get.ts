/** `GET` and `HEAD /v1/payloads/{digest}`: the bytes, so that caches on the way can do most of the work. */
import { ProblemError } from "@millrace/protocol";
import { PayloadPath } from "@millrace/protocol/schemas";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream";
import type { Clock } from "../../clock.ts";
import type { OpenPayload, PayloadInfo, Payloads } from "../../payloads/payloads.ts";
import { DEFAULT_TENANT } from "../../runtime.ts";
import type { ApiContext } from "../context.ts";
import { checkDigest } from "../digests.ts";
import { problems } from "../documented.ts";
import { sendError } from "../replies.ts";
import { encoder } from "./codings.ts";
import { type Plan, planAnswer } from "./plan.ts";
import { payloadNotFound } from "./views.ts";

/** Bytes up to which a payload is sent from memory. */
const WHOLE = 1_048_576;
/** Milliseconds after which a reader that has taken nothing is given up. */
const PATIENCE_MS = 60_000;

const headers = {
  ETag: { type: "string", description: "The digest, in quotes; another one in a content coding." },
  "Cache-Control": { type: "string", description: "The bytes of a digest never change." },
};
const BYTES = { content: { "*/*": { schema: { description: "The bytes." } } } };

const SCHEMA = {
  operationId: "getPayload",
  summary: "Read bytes",
  description:
    "The bytes as they were put, under the media type that they were put with. One range (`Range`, `If-Range`), `If-None-Match` and `If-Match` are heeded; texts of 1 KiB and more are compressed for who accepts it (zstd, br, gzip). HEAD gives the headers of the whole.",
  tags: ["payloads"],
  params: PayloadPath,
  response: {
    200: { description: "The whole.", headers, ...BYTES },
    206: { description: "The range asked for; `Content-Range` says which.", headers, ...BYTES },
    304: { description: "The caller has it already.", type: "null" },
    ...problems(
      "invalid-digest",
      "payload-not-found",
      "precondition-failed",
      "range-not-satisfiable",
      "payload-corrupt",
    ),
  },
};

type DigestRequest = FastifyRequest<{ Params: PayloadPath }>;
type Sent = Extract<Plan, { kind: "sent" }>;

export function getPayload(app: FastifyInstance, context: ApiContext, payloads: Payloads): void {
  const common = {
    url: "/v1/payloads/:digest",
    validatorCompiler: () => () => true,
    errorHandler: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      // What failed while its first bytes were fetched has the headers of what was to be sent.
      if (!(error instanceof ProblemError)) withoutRepresentation(reply);
      sendError(error, request, reply, context.log);
    },
  };
  app.route<{ Params: PayloadPath }>({
    ...common,
    method: "GET",
    schema: SCHEMA,
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const digest = checkDigest(request.params.digest);
      const info = await payloads.find(DEFAULT_TENANT, digest);
      const plan = planned(context, request, reply, info);
      if (plan.kind === "known") return head(reply, plan).send();
      const isSmall = info !== undefined && info.size <= WHOLE;
      const small = isSmall ? await payloads.read(DEFAULT_TENANT, digest) : undefined;
      if (small !== undefined) return sendBytes(reply, plan, small.bytes);
      const found = await payloads.open(DEFAULT_TENANT, digest, plan.range);
      if (found === undefined) throw payloadNotFound(digest);
      return sendStream(context, reply, plan, found);
    },
  });
  app.route<{ Params: PayloadPath }>({
    ...common,
    method: "HEAD",
    schema: { hide: true },
    handler: async ({ headers, params }, reply) => {
      const digest = checkDigest(params.digest);
      const info = await payloads.find(DEFAULT_TENANT, digest);
      // Ranges are GET's alone (RFC 9110 section 14.2).
      const { range: _, ...rest } = headers;
      return head(reply, planned(context, { headers: rest, params }, reply, info)).send();
    },
  });
}

/** @throws {ProblemError} when there is nothing, or the request's conditions are not met */
function planned(
  { clock, config }: ApiContext,
  { headers, params }: Pick<DigestRequest, "headers" | "params">,
  reply: FastifyReply,
  info: PayloadInfo | undefined,
): Exclude<Plan, { kind: "refused" }> {
  if (info === undefined) throw payloadNotFound(params.digest);
  const isPrivate = config.apiKeys.length > 0;
  const plan = planAnswer(info, headers, { now: clock.now(), isPrivate });
  if (plan.kind !== "refused") return plan;
  void reply.headers(plan.headers);
  const [name, value] =
    plan.code === "precondition-failed"
      ? ["If-Match", headers["if-match"]]
      : ["Range", headers.range];
  const detail = `${name}: ${value}: the payload has ${info.size} bytes and the tag "${info.digest}"`;
  throw new ProblemError(plan.code, { detail });
}

function head(reply: FastifyReply, plan: Exclude<Plan, { kind: "refused" }>): FastifyReply {
  return reply.code(plan.kind === "known" ? 304 : plan.status).headers(plan.headers);
}

function sendBytes(reply: FastifyReply, plan: Sent, bytes: Buffer): FastifyReply {
  const { range, coding } = plan;
  head(reply, plan);
  if (coding !== undefined) return reply.send(encoder(coding).end(bytes));
  return reply.send(range === undefined ? bytes : bytes.subarray(range.first, range.last + 1));
}

function sendStream(
  { clock, log }: ApiContext,
  reply: FastifyReply,
  plan: Sent,
  { body, digest }: OpenPayload,
): FastifyReply {
  body.once("error", (error) => {
    // The answer has begun: all that is left is to cut the connection, so that nobody takes a part for the whole.
    if (reply.raw.headersSent) log.error({ err: error, digest }, "an answer was cut short");
  });
  giveUpOnIdle(reply.raw, clock);
  head(reply, plan);
  if (plan.coding === undefined) return reply.send(body);
  return reply.send(pipeline(body, encoder(plan.coding), () => {}));
}

/** Cuts the connection of a reader that takes nothing for a while: what is sent to it is held open meanwhile. */
function giveUpOnIdle(response: ServerResponse, clock: Clock): void {
  const { socket } = response;
  // It left while the bytes were looked for: no word of its end will come any more.
  if (response.destroyed) return;
  let taken = -1;
  let cancel = (): void => {};
  const look = (): void => {
    const before = taken;
    taken = socket?.bytesWritten ?? 0;
    if (taken === before && response.writableNeedDrain) socket?.destroy();
    else cancel = clock.after(PATIENCE_MS, look);
  };
  look();
  response.once("close", () => cancel());
}

const REPRESENTATION = [
  "accept-ranges",
  "content-disposition",
  "content-encoding",
  "content-length",
  "content-range",
  "content-security-policy",
  "etag",
  "repr-digest",
];

function withoutRepresentation(reply: FastifyReply): void {
  for (const name of REPRESENTATION) reply.removeHeader(name);
}
