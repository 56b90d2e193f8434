/** `/v1/secrets`: setting, deleting and listing secrets. There is no way to read a value. */
import { ProblemError } from "@millrace/protocol";
import {
  ref,
  RotatedKeys,
  RotateKeys,
  Secret,
  SecretList,
  SecretListQuery,
  SecretPath,
  SecretValue,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import { DEFAULT_TENANT } from "../runtime.ts";
import { decodeCursor, encodeCursor } from "../runtime/cursors.ts";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import { parseJson } from "./json.ts";
import { refuseCursor } from "./problems.ts";
import * as wire from "./wire.ts";

export function secrets(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    readQuietly(app);
    set(app, context);
    remove(app, context);
    list(app, context);
    rotate(app, context);
  };
}

/** A body that is no JSON may be a secret: what is wrong with it is said without quoting it. */
function readQuietly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
    try {
      done(null, body.length === 0 ? undefined : parseJson(body as Buffer));
    } catch {
      done(new ProblemError("invalid-body", { detail: "not JSON that can be read" }));
    }
  });
}

function set(app: FastifyInstance, { secrets: vault }: ApiContext): void {
  app.put<{ Params: SecretPath; Body: SecretValue }>("/v1/secrets/:name", {
    schema: {
      operationId: "setSecret",
      summary: "Set a secret",
      tags: ["secrets"],
      params: SecretPath,
      body: SecretValue,
      response: {
        200: answers("The value was replaced.", ref(Secret)),
        201: answers("The secret is new.", ref(Secret)),
        ...problems(
          "no-master-key",
          "master-key-missing",
          "payload-too-large",
          "unsupported-media-type",
          "invalid-body",
        ),
      },
    },
    handler: async (request, reply) => {
      const { value } = request.body;
      const { created, secret } = await vault.set(DEFAULT_TENANT, request.params.name, value);
      if (created) void reply.code(201);
      return wire.secret(secret);
    },
  });
}

function remove(app: FastifyInstance, { secrets: vault }: ApiContext): void {
  app.delete<{ Params: SecretPath }>("/v1/secrets/:name", {
    schema: {
      operationId: "deleteSecret",
      summary: "Delete a secret",
      tags: ["secrets"],
      params: SecretPath,
      response: {
        204: { type: "null", description: "It is gone." },
        ...problems(
          "secret-not-found",
          "payload-too-large",
          "unsupported-media-type",
          "invalid-body",
        ),
      },
    },
    handler: async (request, reply) => {
      const { name } = request.params;
      if (!(await vault.delete(DEFAULT_TENANT, name)))
        throw new ProblemError("secret-not-found", { detail: `there is no secret ${name}` });
      return reply.code(204).send();
    },
  });
}

function list(app: FastifyInstance, { secrets: vault }: ApiContext): void {
  app.get<{ Querystring: SecretListQuery }>("/v1/secrets", {
    schema: {
      operationId: "listSecrets",
      summary: "List secrets, without their values",
      tags: ["secrets"],
      querystring: SecretListQuery,
      response: { 200: answers("A page.", ref(SecretList)), ...problems("invalid-cursor") },
    },
    handler: async (request) => {
      const { limit = 50, cursor } = request.query;
      const rows = await page(cursor, async (after) =>
        vault.list(DEFAULT_TENANT, after, limit + 1),
      );
      const items = rows.slice(0, limit).map(wire.secret);
      const last = items.at(-1);
      if (rows.length <= limit || last === undefined) return { items };
      return { items, nextCursor: encodeCursor([last.name]) };
    },
  });
}

async function page<T>(
  cursor: string | undefined,
  load: (after: string) => Promise<T>,
): Promise<T> {
  const decoded = async () => (cursor === undefined ? [""] : decodeCursor(cursor, 1));
  const [after = ""] = await decoded().catch(refuseCursor(cursor));
  return load(after);
}

function rotate(app: FastifyInstance, { secrets: vault }: ApiContext): void {
  app.post<{ Body: RotateKeys | undefined }>("/v1/secret-keys/rotation", {
    schema: {
      operationId: "rotateSecretKeys",
      summary: "Put the keys of secrets under the newest master key",
      description:
        "Reads the master keys anew. Secrets can be used and set meanwhile; what is interrupted is finished by asking again.",
      tags: ["secrets"],
      body: RotateKeys,
      response: {
        200: answers("What was done.", ref(RotatedKeys)),
        ...problems(
          "no-master-key",
          "master-key-missing",
          "unsupported-media-type",
          "invalid-body",
        ),
      },
    },
    preValidation: (request, _reply, done) => {
      request.body ??= {};
      done();
    },
    handler: async (request) => vault.rotate({ dataKeys: request.body?.dataKeys ?? false }),
  });
}
