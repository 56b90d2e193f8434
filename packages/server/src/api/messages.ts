/** `/messages`: texts under the digest of their UTF-8 bytes. Every request is one call of the payloads. */
import { ProblemError } from "@millrace/protocol";
import { Message, MessageDigest, PayloadPath, ref } from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import { isUtf8 } from "node:buffer";
import type { IncomingHttpHeaders } from "node:http";
import type { Payloads } from "../payloads/payloads.ts";
import { DEFAULT_TENANT } from "../runtime.ts";
import { readBody, refuseCoding } from "./bodies.ts";
import type { ApiContext } from "./context.ts";
import { checkDigest } from "./digests.ts";
import { answers, problems } from "./documented.ts";
import { isObject, parseText } from "./json.ts";
import { type Answerer, type Exchange, leanRoutes } from "./lean.ts";
import { type EntityTag, isMatched, knownTag } from "./payloads/conditions.ts";
import { entityTag } from "./payloads/views.ts";

const PATH = "/messages/:digest";
const TEXT = Object.freeze({ mediaType: "text/plain; charset=utf-8" });

export function messages(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    const { payloads } = context;
    leanRoutes(app, context, [
      { method: "POST", url: "/messages", schema: POST, run: post(context, payloads) },
      { method: "GET", url: PATH, schema: GET, run: get(context, payloads) },
      { method: "DELETE", url: PATH, schema: DELETE, run: remove(payloads) },
    ]);
  };
}

const LOCATION = { Location: { type: "string", description: "The message's address." } };

const POST = {
  operationId: "putMessage",
  summary: "Store a message",
  description: "Answers once the message is durable. The same text again changes nothing.",
  tags: ["messages"],
  body: ref(Message),
  response: {
    200: answers("It was there before.", ref(MessageDigest), LOCATION),
    201: answers("It is stored, durably.", ref(MessageDigest), LOCATION),
    ...problems("invalid-message", "invalid-body", "payload-too-large", "unsupported-media-type"),
  },
};

function post({ config }: ApiContext, payloads: Payloads): Answerer {
  return async ({ request: { raw }, answer }) => {
    checkHeaders(raw.headers);
    const message = messageOf(await readBody(raw, config.maxBodyBytes));
    const { digest, created } = await payloads.keep(DEFAULT_TENANT, message, TEXT);
    answer(created ? 201 : 200, `{"digest":"${digest}"}`, ["location", `/messages/${digest}`]);
  };
}

/** Its one parameter that changes how bytes are read is the charset, and JSON has but one (RFC 8259 section 8.1). */
const JSON_TYPE =
  /^application\/json[ \t]*(?:;(?!.*charset[ \t]*=(?!"?utf-?8"?[ \t]*(?:;|$))).*)?$/i;

function checkHeaders(headers: IncomingHttpHeaders): void {
  const type = headers["content-type"];
  if (type !== "application/json" && !JSON_TYPE.test(type ?? "")) {
    const given = type === undefined ? "no Content-Type" : `Content-Type: ${type}`;
    throw new ProblemError("unsupported-media-type", {
      detail: `${given}: expected application/json, in UTF-8`,
    });
  }
  refuseCoding(headers);
}

/** @throws {ProblemError} `invalid-body` for what is no JSON, `invalid-message` for what is no message */
function messageOf(body: Buffer): Buffer {
  const text = parseText(body);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ProblemError("invalid-body", { detail: `not JSON: ${(error as Error).message}` });
  }
  const message = isObject(value) ? value["message"] : undefined;
  const fault = faultOf(value, message);
  if (fault !== undefined) throw new ProblemError("invalid-message", { detail: fault });
  return Buffer.from(message as string, "utf8");
}

function faultOf(value: unknown, message: unknown): string | undefined {
  if (!isObject(value)) return 'expected an object: {"message": "…"}';
  if (!Object.hasOwn(value, "message")) return "there is no member `message`";
  if (typeof message !== "string") return "`message` is not a string";
  const other = Object.keys(value).find((key) => key !== "message");
  if (other !== undefined) return `the member ${JSON.stringify(other.slice(0, 80))} is not known`;
  if (message.isWellFormed()) return undefined;
  return "`message` has half of a surrogate pair, which has no UTF-8 bytes";
}

const GET = {
  operationId: "getMessage",
  summary: "Read a message",
  description: "`If-None-Match` and `If-Match` are heeded.",
  tags: ["messages"],
  params: PayloadPath,
  response: {
    200: answers("The message.", ref(Message), {
      ETag: { type: "string", description: "The digest, in quotes." },
      "Cache-Control": {
        type: "string",
        description: "It never changes, but it may be deleted: a cache asks before each use.",
      },
    }),
    304: { description: "The caller has it already.", type: "null" },
    ...problems(
      "invalid-digest",
      "message-not-found",
      "not-acceptable",
      "precondition-failed",
      "payload-corrupt",
    ),
  },
};

function get({ config }: ApiContext, payloads: Payloads): Answerer {
  return async ({ request, answer }) => {
    const digest = digestOf(request);
    const { maxBodyBytes } = config;
    const found = await payloads.read(DEFAULT_TENANT, digest, maxBodyBytes);
    const bytes = found?.bytes ?? (await large(payloads, digest, maxBodyBytes));
    const text = textOf(bytes);
    const tag = entityTag(digest);
    const { "if-match": ifMatch, "if-none-match": ifNoneMatch } = request.raw.headers;
    if (ifMatch !== undefined && !isMatched(ifMatch, tag)) throw otherTag(ifMatch, tag);
    const headers = ["etag", tag, "cache-control", "no-cache"];
    if (ifNoneMatch !== undefined && knownTag(ifNoneMatch, [tag]) !== undefined)
      return answer(304, undefined, headers);
    answer(200, `{"message":${JSON.stringify(text)}}`, headers);
  };
}

function otherTag(ifMatch: string, tag: EntityTag): ProblemError {
  return new ProblemError("precondition-failed", {
    detail: `If-Match: ${ifMatch}: the message has the tag ${tag}`,
  });
}

/** Those that are not read at once. @throws {ProblemError} `message-not-found`; `not-acceptable` when it is too large for JSON */
async function large(payloads: Payloads, digest: string, limit: number): Promise<Buffer> {
  const info = await payloads.find(DEFAULT_TENANT, digest);
  if (info !== undefined && info.size > limit)
    throw new ProblemError("not-acceptable", {
      detail: `it has ${info.size} bytes, too many for a message: GET /v1/payloads/${digest} has them`,
    });
  const found = info && (await payloads.open(DEFAULT_TENANT, digest));
  if (found === undefined) throw notFound(digest);
  return Buffer.concat((await found.body.toArray()) as Uint8Array[]);
}

/** @throws {ProblemError} `not-acceptable` for what was put as bytes and is no text */
function textOf(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString("utf8");
  throw new ProblemError("not-acceptable", {
    detail: "its bytes are not UTF-8: GET /v1/payloads/{digest} has them as they are",
  });
}

const DELETE = {
  operationId: "deleteMessage",
  summary: "Delete a message",
  description: "What an instance refers to stays until nothing does.",
  tags: ["messages"],
  params: PayloadPath,
  response: {
    200: answers("It is deleted, durably.", ref(MessageDigest)),
    ...problems("invalid-digest", "message-not-found"),
  },
};

function remove(payloads: Payloads): Answerer {
  return async ({ request, answer }) => {
    const digest = digestOf(request);
    if (!(await payloads.release(DEFAULT_TENANT, digest))) throw notFound(digest);
    answer(200, `{"digest":"${digest}"}`);
  };
}

function digestOf({ params }: Exchange["request"]): string {
  return checkDigest((params as PayloadPath).digest);
}

function notFound(digest: string): ProblemError {
  return new ProblemError("message-not-found", { detail: `there is no message ${digest}` });
}
