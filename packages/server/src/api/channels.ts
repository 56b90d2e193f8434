/** `/v1/channels`. */
import {
  Channel,
  ChannelChange,
  ChannelList,
  EndpointPath,
  NewChannel,
  ref,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import { changeChannel, channelView, createChannel } from "../outgoing/channels/channels.ts";
import type { Leaving } from "../outgoing/open.ts";
import { DEFAULT_TENANT } from "../runtime.ts";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import { endpointRoutes } from "./endpoints.ts";

const COMMON = [
  "channel-invalid",
  "no-master-key",
  "master-key-missing",
  "payload-too-large",
  "unsupported-media-type",
  "invalid-body",
] as const;

export function channels({ leaving }: Pick<ApiContext, "leaving">) {
  return async (app: FastifyInstance): Promise<void> => {
    if (leaving === undefined) return;
    const { endpoints } = leaving;
    create(app, leaving);
    change(app, leaving);
    const view = channelView;
    const schemas = { schema: Channel, listSchema: ChannelList };
    endpointRoutes(app, { kind: "channel", endpoints, ...schemas, view });
  };
}

function create(app: FastifyInstance, { endpoints }: Leaving): void {
  app.post<{ Body: NewChannel }>("/v1/channels", {
    schema: {
      operationId: "createChannel",
      summary: "Create a channel of a broker that events come from or go to",
      tags: ["channels"],
      body: ref(NewChannel),
      response: {
        201: answers("It is created.", ref(Channel)),
        ...problems("channel-conflict", ...COMMON),
      },
    },
    handler: async ({ body }, reply) => {
      void reply.code(201);
      return createChannel(endpoints, DEFAULT_TENANT, body);
    },
  });
}

function change(app: FastifyInstance, { endpoints }: Leaving): void {
  app.patch<{ Params: EndpointPath; Body: ChannelChange }>("/v1/channels/:name", {
    schema: {
      operationId: "changeChannel",
      summary: "Change a channel",
      tags: ["channels"],
      params: EndpointPath,
      body: ref(ChannelChange),
      response: {
        200: answers("As it stands.", ref(Channel)),
        ...problems("channel-not-found", ...COMMON),
      },
    },
    handler: async ({ params, body }) =>
      changeChannel(endpoints, DEFAULT_TENANT, params.name, body),
  });
}
