/** `/v1/functions`: the default catalog, whose functions workflows call as `name:version@default`. */
import { ProblemError } from "@millrace/protocol";
import {
  CatalogFunction,
  FunctionList,
  FunctionListQuery,
  FunctionPath,
  ref,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import { refuseCursor } from "./problems.ts";
import { DEFINITION_TYPES, readDefinitions } from "./workflows.ts";
import * as wire from "./wire.ts";

export function functions(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    readDefinitions(app);
    put(app, context);
    list(app, context);
    read(app, context);
    remove(app, context);
  };
}

function put(app: FastifyInstance, { runtime }: ApiContext): void {
  const text = { type: "string", description: "The function: a task, in YAML or JSON." };
  app.put<{ Params: FunctionPath; Body: string }>("/v1/functions/:name/:version", {
    schema: {
      operationId: "putFunction",
      summary: "Store or replace a function of the default catalog",
      description: "Versions of workflows that were applied before keep the function they have.",
      tags: ["functions"],
      params: FunctionPath,
      body: {
        content: Object.fromEntries(DEFINITION_TYPES.map((type) => [type, { schema: text }])),
      },
      response: {
        200: answers("The function is replaced.", ref(CatalogFunction)),
        201: answers("The function is stored.", ref(CatalogFunction)),
        ...problems(
          "function-invalid",
          "payload-too-large",
          "unsupported-media-type",
          "invalid-body",
        ),
      },
    },
    handler: async (request, reply) => {
      if (typeof request.body !== "string" || request.body.trim() === "") {
        throw new ProblemError("invalid-body", { detail: "the body is empty; send a function" });
      }
      const put = await runtime.putFunction({ ...request.params, text: request.body });
      if (put.created) void reply.code(201);
      return wire.catalogFunction(put.function);
    },
  });
}

function list(app: FastifyInstance, { runtime }: ApiContext): void {
  app.get<{ Querystring: FunctionListQuery }>("/v1/functions", {
    schema: {
      operationId: "listFunctions",
      summary: "List the functions of the default catalog",
      tags: ["functions"],
      querystring: FunctionListQuery,
      response: { 200: answers("A page.", ref(FunctionList)), ...problems("invalid-cursor") },
    },
    handler: async (request) => {
      const { limit = 50, ...rest } = request.query;
      const { items, ...page } = await runtime
        .listFunctions({ ...rest, limit })
        .catch(refuseCursor(rest.cursor));
      return { ...page, items: items.map(wire.functionSummary) };
    },
  });
}

function read(app: FastifyInstance, { runtime }: ApiContext): void {
  app.get<{ Params: FunctionPath }>("/v1/functions/:name/:version", {
    schema: {
      operationId: "getFunction",
      summary: "Read a function of the default catalog",
      tags: ["functions"],
      params: FunctionPath,
      response: {
        200: answers("The function.", ref(CatalogFunction)),
        ...problems("function-not-found"),
      },
    },
    handler: async (request) => wire.catalogFunction(await runtime.getFunction(request.params)),
  });
}

function remove(app: FastifyInstance, { runtime }: ApiContext): void {
  app.delete<{ Params: FunctionPath }>("/v1/functions/:name/:version", {
    schema: {
      operationId: "deleteFunction",
      summary: "Delete a function that was stored through the API",
      description: "Versions of workflows that were applied before keep it.",
      tags: ["functions"],
      params: FunctionPath,
      response: {
        204: { description: "The function is gone.", type: "null" },
        ...problems(
          "function-not-found",
          "payload-too-large",
          "unsupported-media-type",
          "invalid-body",
        ),
      },
    },
    handler: async (request, reply) => {
      await runtime.deleteFunction(request.params);
      return reply.code(204).send();
    },
  });
}
