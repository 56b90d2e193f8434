/** The OpenAPI 3.1 document, made from the routes' own schemas, at `/openapi.json`. */
import swagger from "@fastify/swagger";
import { ERRORS } from "@millrace/protocol";
import * as schemas from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";

const INFO = {
  title: "Millrace",
  version: "1",
  description:
    "Durable workflows. Every error is a problem document (RFC 9457); `code` names its kind, docs/errors.md lists them.",
  license: { name: "Apache-2.0", identifier: "Apache-2.0" },
};

const KEYS = {
  bearer: { type: "http", scheme: "bearer", description: "An API key." },
  apiKey: { type: "apiKey", in: "header", name: "X-API-Key", description: "An API key." },
} as const;

/** Must be registered before the routes it is to describe. */
export async function openapi(app: FastifyInstance): Promise<void> {
  for (const schema of Object.values(schemas)) {
    if (typeof schema === "object" && "$id" in schema) app.addSchema(schema);
  }
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: INFO,
      tags: [
        { name: "workflows" },
        { name: "functions" },
        { name: "instances" },
        { name: "schedules" },
        { name: "events" },
        { name: "messages" },
        { name: "payloads" },
        { name: "secrets" },
      ],
      components: { securitySchemes: KEYS },
      // The empty one: without keys set, a server on loopback asks for none.
      security: [{ bearer: [] }, { apiKey: [] }, {}],
      "x-errors": ERRORS,
    } as object,
    refResolver: { buildLocalReference: (json) => json["$id"] as string },
  });
}

export function openapiDocument() {
  return async (app: FastifyInstance): Promise<void> => {
    let document: string | undefined;
    app.get("/openapi.json", { schema: { hide: true } }, async (_request, reply) => {
      document ??= JSON.stringify(withOptionalBodies(app.swagger() as unknown as Document));
      void reply.type("application/json");
      return document;
    });
  };
}

interface Document {
  readonly paths: Record<string, Record<string, { requestBody?: RequestBody }>>;
}
interface RequestBody {
  required?: boolean;
  readonly content: Record<
    string,
    { readonly schema: { readonly type?: string; readonly required?: string[] } }
  >;
}

/** An object with no required member may be left out as a whole: those routes take an absent body as `{}`. */
function withOptionalBodies(document: Document): Document {
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
    const schema = operation.requestBody?.content["application/json"]?.schema;
    if (operation.requestBody && schema?.type === "object" && schema.required === undefined) {
      operation.requestBody.required = false;
    }
  }
  return document;
}
