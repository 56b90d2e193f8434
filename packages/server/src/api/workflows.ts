/** `/v1/workflows`: applying and reading definitions. */
import type { Workflow as WireWorkflow } from "@millrace/protocol";
import { ProblemError } from "@millrace/protocol";
import {
  Workflow,
  WorkflowList,
  WorkflowListQuery,
  WorkflowPath,
  WorkflowVersionPath,
  ref,
} from "@millrace/protocol/schemas";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { WorkflowView } from "../runtime.ts";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import { parseText } from "./json.ts";
import { refuseCursor } from "./problems.ts";
import * as wire from "./wire.ts";

/** Definitions are read by the language, which knows lines, columns and YAML's dangers; here they are only text. */
export const DEFINITION_TYPES = [
  "application/yaml",
  "application/x-yaml",
  "text/yaml",
  "text/x-yaml",
  "text/plain",
  "application/json",
];

export function workflows(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    readDefinitions(app);
    apply(app, context);
    list(app, context);
    read(app, context);
  };
}

/** Bodies of this resource are definitions, as text. */
export function readDefinitions(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(DEFINITION_TYPES, { parseAs: "buffer" }, (_request, body, done) => {
    try {
      done(null, parseText(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}

function apply(app: FastifyInstance, { runtime }: ApiContext): void {
  const definition = { type: "string", description: "The definition, in YAML or JSON." };
  app.post<{ Body: string }>("/v1/workflows", {
    schema: {
      operationId: "applyWorkflow",
      summary: "Apply a version of a workflow",
      tags: ["workflows"],
      body: {
        content: Object.fromEntries(DEFINITION_TYPES.map((type) => [type, { schema: definition }])),
      },
      response: {
        200: answers("The very same content was applied before.", ref(Workflow)),
        201: answers("The version is stored.", ref(Workflow)),
        ...problems(
          "workflow-invalid",
          "workflow-conflict",
          "payload-too-large",
          "unsupported-media-type",
          "invalid-body",
          "payload-corrupt",
        ),
      },
    },
    handler: async (request, reply) => {
      if (typeof request.body !== "string" || request.body.trim() === "") {
        throw new ProblemError("invalid-body", { detail: "the body is empty; send a definition" });
      }
      const { outcome, workflow } = await runtime.applyWorkflow({ text: request.body });
      if (outcome === "created") void reply.code(201).header("location", address(workflow));
      return wire.workflow(workflow);
    },
  });
}

function address({ namespace, name, version }: WorkflowView): string {
  return `/v1/workflows/${namespace}/${name}/${encodeURIComponent(version)}`;
}

function list(app: FastifyInstance, { runtime }: ApiContext): void {
  app.get<{ Querystring: WorkflowListQuery }>("/v1/workflows", {
    schema: {
      operationId: "listWorkflows",
      summary: "List workflow versions",
      tags: ["workflows"],
      querystring: WorkflowListQuery,
      response: {
        200: answers("A page.", ref(WorkflowList)),
        ...problems("invalid-cursor"),
      },
    },
    handler: async (request) => {
      const { limit = 50, ...rest } = request.query;
      const { items, ...page } = await runtime
        .listWorkflows({ ...rest, limit })
        .catch(refuseCursor(rest.cursor));
      return { ...page, items: items.map(wire.workflowSummary) };
    },
  });
}

const EITHER_FORM = {
  description: "The workflow; with `Accept: application/yaml`, its text as it was applied.",
  content: {
    "application/json": { schema: ref(Workflow) },
    "application/yaml": { schema: { type: "string" } },
  },
};

function read(app: FastifyInstance, { runtime }: ApiContext): void {
  const response = { 200: EITHER_FORM, ...problems("workflow-not-found", "not-acceptable") };
  app.get<{ Params: WorkflowPath }>("/v1/workflows/:namespace/:name", {
    schema: {
      operationId: "getNewestWorkflow",
      summary: "Read the newest version of a workflow",
      tags: ["workflows"],
      params: WorkflowPath,
      response,
    },
    handler: async (request, reply) =>
      represent(request, reply, () => runtime.getWorkflow(request.params)),
  });
  app.get<{ Params: WorkflowVersionPath }>("/v1/workflows/:namespace/:name/:version", {
    schema: {
      operationId: "getWorkflow",
      summary: "Read a version of a workflow",
      tags: ["workflows"],
      params: WorkflowVersionPath,
      response,
    },
    handler: async (request, reply) =>
      represent(request, reply, () => runtime.getWorkflow(request.params)),
  });
}

async function represent(
  request: FastifyRequest,
  reply: FastifyReply,
  load: () => Promise<WorkflowView>,
): Promise<WireWorkflow | string> {
  const form = preferredForm(request.headers.accept ?? "*/*");
  const view = await load();
  void reply.header("vary", "accept").header("etag", `"${view.digest}"`);
  if (form === "json") return wire.workflow(view);
  void reply.type("application/yaml; charset=utf-8").serializer((text) => text as string);
  return view.text;
}

/** Of the two forms the one with the higher quality value (RFC 9110 section 12.5.1); JSON when equal. */
function preferredForm(accept: string): "json" | "yaml" {
  let json = 0;
  let yaml = 0;
  for (const range of accept.split(",")) {
    const [type = "", ...parameters] = range
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const quality = weight === undefined ? 1 : Number(weight.slice(2)) || 0;
    if (["application/json", "application/*", "*/*"].includes(type)) json = Math.max(json, quality);
    if (["application/yaml", "text/yaml", "application/x-yaml", "text/x-yaml"].includes(type)) {
      yaml = Math.max(yaml, quality);
    }
  }
  if (json === 0 && yaml === 0)
    throw new ProblemError("not-acceptable", { detail: `Accept: ${accept}` });
  return yaml > json ? "yaml" : "json";
}
