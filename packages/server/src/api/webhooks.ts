/** `/v1/webhooks`. */
import {
  EndpointPath,
  NewWebhook,
  ref,
  Webhook,
  WebhookChange,
  WebhookList,
  WebhookTested,
  WebhookWithSecret,
} from "@millrace/protocol/schemas";
import type { FastifyInstance } from "fastify";
import {
  changeWebhook,
  createWebhook,
  testWebhook,
  webhookView,
} from "../outgoing/webhooks/webhooks.ts";
import { DEFAULT_TENANT } from "../runtime.ts";
import type { ApiContext } from "./context.ts";
import type { Leaving } from "../outgoing/open.ts";
import { answers, problems } from "./documented.ts";
import { endpointRoutes } from "./endpoints.ts";

const BODY = ["payload-too-large", "unsupported-media-type", "invalid-body"] as const;
const KEYS = ["no-master-key", "master-key-missing"] as const;

export function webhooks({ stopping, leaving }: Pick<ApiContext, "leaving" | "stopping">) {
  return async (app: FastifyInstance): Promise<void> => {
    if (leaving === undefined) return;
    const { endpoints } = leaving;
    create(app, leaving);
    change(app, leaving);
    tryOut(app, leaving, stopping);
    const view = webhookView;
    endpointRoutes(app, {
      kind: "webhook",
      endpoints,
      schema: Webhook,
      listSchema: WebhookList,
      view,
    });
  };
}

function create(app: FastifyInstance, { endpoints }: Leaving): void {
  app.post<{ Body: NewWebhook }>("/v1/webhooks", {
    schema: {
      operationId: "createWebhook",
      summary: "Create a webhook",
      tags: ["webhooks"],
      body: ref(NewWebhook),
      response: {
        201: answers("It is created; its secret is shown this once.", ref(WebhookWithSecret)),
        ...problems("webhook-conflict", "webhook-invalid", ...KEYS, ...BODY),
      },
    },
    handler: async ({ body }, reply) => {
      void reply.code(201);
      return createWebhook(endpoints, DEFAULT_TENANT, body);
    },
  });
}

function change(app: FastifyInstance, { endpoints }: Leaving): void {
  app.patch<{ Params: EndpointPath; Body: WebhookChange }>("/v1/webhooks/:name", {
    schema: {
      operationId: "changeWebhook",
      summary: "Change a webhook",
      description: "It is tried at once after any change, whatever was before.",
      tags: ["webhooks"],
      params: EndpointPath,
      body: ref(WebhookChange),
      response: {
        200: answers("As it stands, with the secret when that is new.", ref(WebhookWithSecret)),
        ...problems("webhook-not-found", "webhook-invalid", ...KEYS, ...BODY),
      },
    },
    handler: async ({ params, body }) =>
      changeWebhook(endpoints, DEFAULT_TENANT, params.name, body),
  });
}

function tryOut(app: FastifyInstance, { endpoints, sender }: Leaving, stopping: AbortSignal): void {
  app.post<{ Params: EndpointPath }>("/v1/webhooks/:name/test", {
    schema: {
      operationId: "testWebhook",
      summary: "Send a test event to a webhook, now",
      tags: ["webhooks"],
      params: EndpointPath,
      response: {
        200: answers("What became of it.", ref(WebhookTested)),
        ...problems("webhook-not-found", ...BODY),
      },
    },
    handler: async ({ params }) =>
      testWebhook(endpoints, sender, DEFAULT_TENANT, params.name, stopping),
  });
}
