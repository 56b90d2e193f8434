/** What webhooks and channels have in common at `/v1/webhooks` and `/v1/channels`: reading, deleting, deliveries, replay. */
import { type Channel, ProblemError, type Webhook } from "@millrace/protocol";
import {
  DeliveryList,
  DeliveryListQuery,
  EndpointListQuery,
  EndpointPath,
  Replayed,
  ReplayRequest,
  ref,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import type { Endpoint, EndpointKind } from "../outgoing/endpoint.ts";
import type { Endpoints } from "../outgoing/endpoints.ts";
import { deliveryView } from "../outgoing/view.ts";
import { DEFAULT_TENANT } from "../runtime.ts";
import { decodeCursor, encodeCursor } from "../runtime/cursors.ts";
import { answers, problems } from "./documented.ts";
import { refuseCursor } from "./problems.ts";

export interface EndpointRoutes {
  readonly kind: EndpointKind;
  readonly endpoints: Endpoints;
  /** `Webhook` or `Channel`, and a page of them. */
  readonly schema: Parameters<typeof ref>[0];
  readonly listSchema: Parameters<typeof ref>[0];
  readonly view: (endpoint: Endpoint) => Webhook | Channel;
}

export function endpointRoutes(app: FastifyInstance, routes: EndpointRoutes): void {
  get(app, routes);
  list(app, routes);
  remove(app, routes);
  deliveries(app, routes);
  replay(app, routes);
}

const pathOf = ({ kind }: EndpointRoutes): string => `/v1/${kind}s`;
const tagsOf = ({ kind }: EndpointRoutes) => [`${kind}s`];
const titled = (kind: EndpointKind): string => (kind === "webhook" ? "Webhook" : "Channel");
const named = ({ kind }: EndpointRoutes, name: string) => ({ tenant: DEFAULT_TENANT, kind, name });

function get(app: FastifyInstance, routes: EndpointRoutes): void {
  const { kind, endpoints, schema, view } = routes;
  app.get<{ Params: EndpointPath }>(`${pathOf(routes)}/:name`, {
    schema: {
      operationId: `get${titled(kind)}`,
      summary: `Get a ${kind}`,
      tags: tagsOf(routes),
      params: EndpointPath,
      response: { 200: answers("As it stands.", ref(schema)), ...problems(`${kind}-not-found`) },
    },
    handler: async (request) => view(await endpoints.get(named(routes, request.params.name))),
  });
}

function list(app: FastifyInstance, routes: EndpointRoutes): void {
  const { kind, endpoints, listSchema, view } = routes;
  app.get<{ Querystring: EndpointListQuery }>(pathOf(routes), {
    schema: {
      operationId: `list${titled(kind)}s`,
      summary: `List ${kind}s by name`,
      tags: tagsOf(routes),
      querystring: EndpointListQuery,
      response: { 200: answers("A page.", ref(listSchema)), ...problems("invalid-cursor") },
    },
    handler: async ({ query: { limit = 50, cursor } }) => {
      const after = await cursorText(cursor);
      const rows = await endpoints.list(DEFAULT_TENANT, kind, after, limit + 1);
      const items = rows.slice(0, limit);
      const last = items.at(-1);
      const more = rows.length > limit && last !== undefined;
      return {
        items: items.map(view),
        ...(more ? { nextCursor: encodeCursor([last.name]) } : {}),
      };
    },
  });
}

function remove(app: FastifyInstance, routes: EndpointRoutes): void {
  const { kind, endpoints } = routes;
  app.delete<{ Params: EndpointPath }>(`${pathOf(routes)}/:name`, {
    schema: {
      operationId: `delete${titled(kind)}`,
      summary: `Delete a ${kind}, with what is on its way to it`,
      tags: tagsOf(routes),
      params: EndpointPath,
      response: {
        204: { type: "null", description: "It is gone." },
        ...problems(
          `${kind}-not-found`,
          "payload-too-large",
          "unsupported-media-type",
          "invalid-body",
        ),
      },
    },
    handler: async (request, reply) => {
      await endpoints.delete(named(routes, request.params.name));
      return reply.code(204).send();
    },
  });
}

function deliveries(app: FastifyInstance, routes: EndpointRoutes): void {
  const { kind, endpoints } = routes;
  app.get<{ Params: EndpointPath; Querystring: DeliveryListQuery }>(
    `${pathOf(routes)}/:name/deliveries`,
    {
      schema: {
        operationId: `list${titled(kind)}Deliveries`,
        summary: `List dead letters of a ${kind}, or what is on its way to it`,
        tags: tagsOf(routes),
        params: EndpointPath,
        querystring: DeliveryListQuery,
        response: {
          200: answers("A page, oldest first.", ref(DeliveryList)),
          ...problems("invalid-cursor", `${kind}-not-found`),
        },
      },
      handler: async ({ params, query: { state = "dead", limit = 50, cursor } }) => {
        const after = await cursorNumber(cursor);
        const of = named(routes, params.name);
        const rows = await endpoints.deliveries(of, state, after, limit + 1);
        const items = rows.slice(0, limit).map(deliveryView);
        const last = items.at(-1);
        const more = rows.length > limit && last !== undefined;
        return { items, ...(more ? { nextCursor: encodeCursor([last.id]) } : {}) };
      },
    },
  );
}

function replay(app: FastifyInstance, routes: EndpointRoutes): void {
  const { kind, endpoints } = routes;
  app.post<{ Params: EndpointPath; Body: ReplayRequest | undefined }>(
    `${pathOf(routes)}/:name/replay`,
    {
      schema: {
        operationId: `replay${titled(kind)}`,
        summary: `Send dead letters of a ${kind} again`,
        description: "They go behind what already waits. What is no dead letter is passed over.",
        tags: tagsOf(routes),
        params: EndpointPath,
        body: ref(ReplayRequest),
        response: {
          200: answers("They are on their way.", ref(Replayed)),
          ...problems(
            `${kind}-not-found`,
            `${kind}-invalid`,
            "payload-too-large",
            "unsupported-media-type",
            "invalid-body",
          ),
        },
      },
      preValidation: (request, _reply, done) => {
        request.body ??= {};
        done();
      },
      handler: async ({ params, body }) => ({
        replayed: await endpoints.replay(named(routes, params.name), body?.ids),
      }),
    },
  );
}

async function cursorText(cursor: string | undefined): Promise<string> {
  const decoded = async () => (cursor === undefined ? [""] : decodeCursor(cursor, 1));
  const [text = ""] = await decoded().catch(refuseCursor(cursor));
  return text;
}

async function cursorNumber(cursor: string | undefined): Promise<number> {
  const text = (await cursorText(cursor)) || "0";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new ProblemError("invalid-cursor", { detail: `cursor=${cursor}` });
}
