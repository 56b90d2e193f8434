/** An agent on the server parts of the official A2A SDK, over node:http: it speaks A2A 0.3 and, at `/v1`, 1.0. */
import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { AgentCard, Message, TaskState, TaskStatusUpdateEvent } from "@a2a-js/sdk";
import { LegacyJsonRpcTransportHandler } from "@a2a-js/sdk/compat/v0_3/server";
import {
  AgentEvent,
  type AgentExecutor,
  DefaultExecutionEventBusManager,
  DefaultRequestHandler,
  InMemoryPushNotificationStore,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  ServerCallContext,
} from "@a2a-js/sdk/server";

export interface TestAgent {
  readonly origin: string;
  readonly card: string;
  /** Of every request, in order. */
  readonly headers: IncomingMessage["headers"][];
  readonly messages: Record<string, unknown>[];
  /** Resolves when a request for the method has been taken up. */
  requestFor(method: string): Promise<void>;
}

/** Says what the user said in capitals; `work` makes a task with an artifact, `hang` one that goes on until cancelled. */
const hanging = new Map<string, () => void>();

const executor: AgentExecutor = {
  async execute({ userMessage, taskId, contextId }, bus) {
    const text = userMessage.parts.map(({ content }) => content?.value ?? "").join("");
    if (text !== "work" && text !== "hang" && text !== "refuse") {
      const parts = [{ text: text.toUpperCase() }];
      const reply = { messageId: "reply-1", role: "ROLE_AGENT", contextId, parts };
      bus.publish(AgentEvent.message(Message.fromJSON(reply)));
      bus.finished();
      return;
    }
    const status = (state: TaskState) =>
      TaskStatusUpdateEvent.fromJSON({ taskId, contextId, status: { state } });
    const submitted = {
      state: TaskState.TASK_STATE_SUBMITTED,
      message: undefined,
      timestamp: undefined,
    };
    const history = [userMessage];
    const task = { id: taskId, contextId, status: submitted, artifacts: [], history, metadata: {} };
    bus.publish(AgentEvent.task(task));
    if (text === "refuse")
      bus.publish(AgentEvent.statusUpdate(status(TaskState.TASK_STATE_REJECTED)));
    else bus.publish(AgentEvent.statusUpdate(status(TaskState.TASK_STATE_WORKING)));
    if (text === "work")
      bus.publish(AgentEvent.statusUpdate(status(TaskState.TASK_STATE_COMPLETED)));
    // The SDK gives up the bus of an executor that has returned.
    if (text === "hang") await new Promise<void>((resolve) => hanging.set(taskId, resolve));
    bus.finished();
  },
  async cancelTask(taskId, bus) {
    const state = TaskState.TASK_STATE_CANCELED;
    const event = TaskStatusUpdateEvent.fromJSON({ taskId, contextId: "", status: { state } });
    bus.publish(AgentEvent.statusUpdate(event));
    hanging.get(taskId)?.();
  },
};

export async function startAgent(
  t: Pick<TestContext, "after">,
  options: { readonly token?: string } = {},
): Promise<TestAgent> {
  const http = createServer();
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  const handlers = handlersAt(origin);
  const headers: IncomingMessage["headers"][] = [];
  const messages: Record<string, unknown>[] = [];
  const arrivals = new EventEmitter();
  http.on("request", (request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      headers.push(request.headers);
      const path = request.url ?? "";
      if (path.startsWith("/.well-known/")) return send(response, cards(origin)[path]);
      const { token } = options;
      if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
        return response.writeHead(401, { "www-authenticate": "Bearer" }).end();
      const message = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
      messages.push(message);
      const handler = path === "/v1" ? handlers.v10 : handlers.v03;
      const context = new ServerCallContext({
        requestedVersion: path === "/v1" ? "1.0" : "0.3",
        user: { isAuthenticated: true, userName: "tester" },
      });
      const result = await handler.handle(message, context);
      arrivals.emit(String(message["method"]));
      return answer(response, result, message["id"]);
    })();
  });
  t.after(() => {
    http.closeAllConnections();
    http.close();
  });
  return {
    origin,
    card: `${origin}/.well-known/agent-card.json`,
    headers,
    messages,
    requestFor: async (method) => void (await once(arrivals, method)),
  };
}

function handlersAt(origin: string) {
  const card = AgentCard.fromJSON({
    name: "Test agent",
    version: "1",
    capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true },
    defaultInputModes: ["text/plain"],
    defaultOutputModes: ["text/plain"],
    supportedInterfaces: [
      { url: `${origin}/v1`, protocolBinding: "JSONRPC", protocolVersion: "1.0" },
      { url: `${origin}/a2a`, protocolBinding: "JSONRPC", protocolVersion: "0.3" },
    ],
  });
  const extended = { ...card, name: "Test agent, extended" };
  const handler = new DefaultRequestHandler(
    card,
    new InMemoryTaskStore(),
    executor,
    new DefaultExecutionEventBusManager(),
    new InMemoryPushNotificationStore(),
    undefined,
    extended,
  );
  return {
    v10: new JsonRpcTransportHandler(handler),
    v03: new LegacyJsonRpcTransportHandler(handler),
  };
}

function cards(origin: string): Readonly<Record<string, unknown>> {
  const common = { name: "Test agent", version: "1", capabilities: { streaming: true } };
  return {
    "/.well-known/agent-card.json": { ...common, protocolVersion: "0.3.0", url: `${origin}/a2a` },
    "/.well-known/new.json": {
      ...common,
      supportedInterfaces: [
        { url: `${origin}/grpc`, protocolBinding: "GRPC", protocolVersion: "1.0" },
        { url: `${origin}/v1`, protocolBinding: "JSONRPC", protocolVersion: "1.0" },
      ],
    },
  };
}

async function answer(response: ServerResponse, result: unknown, id: unknown): Promise<void> {
  if (!isStream(result)) return send(response, result);
  response.writeHead(200, { "content-type": "text/event-stream" });
  const event = (data: unknown): unknown =>
    response.write(`id: ${randomUUID()}\ndata: ${JSON.stringify(data)}\n\n`);
  try {
    for await (const data of result) event(data);
  } catch (error) {
    const mapped = LegacyJsonRpcTransportHandler.mapToLegacyJSONRPCError(error);
    event({ jsonrpc: "2.0", id, error: mapped });
  }
  response.end();
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function send(response: ServerResponse, body: unknown): void {
  response.writeHead(body === undefined ? 404 : 200, { "content-type": "application/json" });
  response.end(JSON.stringify(body ?? {}));
}
