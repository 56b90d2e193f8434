/** `/v1/payloads`: bytes of any kind under their digest. */
import { ProblemError } from "@millrace/protocol";
import {
  Payload,
  PayloadList,
  PayloadListQuery,
  PayloadPath,
  ref,
  VerifiedPayload,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import type { Payloads } from "../../payloads/payloads.ts";
import { DEFAULT_TENANT } from "../../runtime.ts";
import { decodeCursor, encodeCursor } from "../../runtime/cursors.ts";
import type { ApiContext } from "../context.ts";
import { checkDigest } from "../digests.ts";
import { answers, problems } from "../documented.ts";
import { getPayload } from "./get.ts";
import { putPayload } from "./put.ts";
import { payloadNotFound, payloadView, verifiedView } from "./views.ts";

export function payloads(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    const service = context.payloads;
    // Bodies are read by who stores them; where none is expected, none is read.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", (_request, _body, done) => done(null));
    putPayload(app, context, service);
    getPayload(app, context, service);
    describe(app, service);
    remove(app, service);
    verify(app, service);
    list(app, service);
  };
}

/** A malformed digest has a code of its own, which a pattern of the schema would not give. */
const unchecked = { validatorCompiler: () => () => true };

function describe(app: FastifyInstance, service: Payloads): void {
  app.get<{ Params: PayloadPath }>("/v1/payloads/:digest/info", {
    schema: {
      operationId: "describePayload",
      summary: "Tell what is known of a payload",
      tags: ["payloads"],
      params: PayloadPath,
      response: {
        200: answers("Everything but the bytes.", ref(Payload)),
        ...problems("invalid-digest", "payload-not-found"),
      },
    },
    ...unchecked,
    handler: async ({ params }) => {
      const digest = checkDigest(params.digest);
      const info = await service.find(DEFAULT_TENANT, digest);
      if (info === undefined) throw payloadNotFound(digest);
      return payloadView(info);
    },
  });
}

function remove(app: FastifyInstance, service: Payloads): void {
  app.delete<{ Params: PayloadPath }>("/v1/payloads/:digest", {
    schema: {
      operationId: "deletePayload",
      summary: "Delete a payload",
      description:
        "What an instance refers to stays until nothing does. Copies in caches stay as long as `Cache-Control` let them.",
      tags: ["payloads"],
      params: PayloadPath,
      response: {
        204: { type: "null", description: "It is deleted, durably." },
        ...problems("invalid-digest", "payload-not-found", "unsupported-media-type"),
      },
    },
    ...unchecked,
    handler: async ({ params }, reply) => {
      const digest = checkDigest(params.digest);
      if (!(await service.release(DEFAULT_TENANT, digest))) throw payloadNotFound(digest);
      return reply.code(204).send();
    },
  });
}

function verify(app: FastifyInstance, service: Payloads): void {
  app.post<{ Params: PayloadPath }>("/v1/payloads/:digest/verify", {
    schema: {
      operationId: "verifyPayload",
      summary: "Read every copy of a payload, and repair what is damaged",
      description:
        "A copy that is damaged or missing is written anew from one that is right, where there is one.",
      tags: ["payloads"],
      params: PayloadPath,
      response: {
        200: answers("How each copy was found.", ref(VerifiedPayload)),
        ...problems("invalid-digest", "payload-not-found", "unsupported-media-type"),
      },
    },
    ...unchecked,
    handler: async ({ params }) => {
      const digest = checkDigest(params.digest);
      const verified = await service.verify(DEFAULT_TENANT, digest);
      if (verified === undefined) throw payloadNotFound(digest);
      return verifiedView(verified);
    },
  });
}

function list(app: FastifyInstance, service: Payloads): void {
  app.get<{ Querystring: PayloadListQuery }>("/v1/payloads", {
    schema: {
      operationId: "listPayloads",
      summary: "List the payloads that users keep, by digest",
      tags: ["payloads"],
      querystring: PayloadListQuery,
      response: { 200: answers("A page.", ref(PayloadList)), ...problems("invalid-cursor") },
    },
    handler: async ({ query }) => {
      const { limit = 50, cursor } = query;
      const after = cursor === undefined ? {} : { after: lastOf(cursor) };
      const rows = await service.list(DEFAULT_TENANT, { ...after, limit: limit + 1 });
      const items = rows.slice(0, limit).map(payloadView);
      const last = items.at(-1);
      if (rows.length <= limit || last === undefined) return { items };
      return { items, nextCursor: encodeCursor([last.digest]) };
    },
  });
}

function lastOf(cursor: string): string {
  try {
    const [digest = ""] = decodeCursor(cursor, 1);
    return checkDigest(digest);
  } catch (error) {
    throw new ProblemError("invalid-cursor", { detail: `cursor=${cursor}` }, error);
  }
}
