/** An MCP server of the official SDK for the tests: everything a call can ask for, in small. */
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
} from "@modelcontextprotocol/sdk/types.js";

/** What the server has seen. */
export interface Seen {
  /** HTTP methods in order, with the JSON-RPC method of a message. */
  readonly requests: string[];
  readonly headers: Record<string, string | string[] | undefined>[];
  readonly clients: unknown[];
  /** Resolves when a call of the tool `wait` has been cancelled by its client. */
  readonly cancelled: PromiseWithResolvers<void>;
  /** Resolves when a call of the tool `wait` has begun. */
  readonly waiting: PromiseWithResolvers<void>;
}

const tool = (name: string) => ({ name, inputSchema: { type: "object" as const } });
const text = (value: string): CallToolResult => ({ content: [{ type: "text", text: value }] });

export function mcpServer(seen?: Seen): Server {
  const capabilities = { tools: {}, prompts: {}, resources: {} };
  const server = new Server({ name: "test-server", version: "1.2.3" }, { capabilities });
  server.setRequestHandler(ListToolsRequestSchema, ({ params }) =>
    params?.cursor === "page-2"
      ? { tools: [tool("wait")] }
      : { tools: [tool("echo"), tool("fail")], nextCursor: "page-2" },
  );
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const { name, arguments: given = {} } = params;
    switch (name) {
      case "echo":
        return { ...text(JSON.stringify(given)), structuredContent: given };
      case "fail":
        return { ...text("the channel is archived"), isError: true };
      case "huge":
        return text("x".repeat(Number(given["size"])));
      case "progress":
        await extra.sendNotification({
          method: "notifications/progress",
          params: { progressToken: "another's", progress: 1 },
        });
        return text("done");
      // What the specification's example asks of Slack.
      case "conversations_add_message": {
        const token = process.env["SLACK_MCP_XOXP_TOKEN"];
        const posted = { ...given, as: token ?? null, told: process.argv.slice(2) };
        return { ...text("posted"), structuredContent: posted };
      }
      case "environment":
        return { ...text(""), structuredContent: { ...process.env } };
      case "wait":
        seen?.waiting.resolve();
        await new Promise((resolve) => {
          extra.signal.addEventListener("abort", resolve, { once: true });
        });
        seen?.cancelled.resolve();
        return text("cancelled");
      default:
        throw new McpError(ErrorCode.InvalidParams, `no tool is called ${name}`);
    }
  });
  serveTheRest(server);
  server.oninitialized = () => void seen?.clients.push(server.getClientVersion());
  return server;
}

function serveTheRest(server: Server): void {
  server.setRequestHandler(ListPromptsRequestSchema, () => ({ prompts: [{ name: "greet" }] }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => ({
    messages: [
      {
        role: "user" as const,
        content: { type: "text" as const, text: `Greet ${params.arguments?.["name"]}` },
      },
    ],
  }));
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: [{ uri: "note://1", name: "one" }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params }) => ({
    contents: [{ uri: params.uri, text: "the first note" }],
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ uriTemplate: "note://{id}", name: "note" }],
  }));
}

export interface McpHttpServer {
  /** Of the MCP endpoint. */
  readonly url: string;
  readonly seen: Seen;
}

/** Serves streamable HTTP with sessions until the test ends; `json` without event streams; `token` asks for a bearer. */
export async function startMcpServer(
  t: Pick<TestContext, "after">,
  options: { readonly json?: boolean; readonly token?: string } = {},
): Promise<McpHttpServer> {
  const seen: Seen = {
    requests: [],
    headers: [],
    clients: [],
    cancelled: Promise.withResolvers(),
    waiting: Promise.withResolvers(),
  };
  const sessions = new Map<string, StreamableHTTPServerTransport>();
  const begin = async (): Promise<StreamableHTTPServerTransport> => {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: () => randomUUID(),
      enableJsonResponse: options.json ?? false,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    await mcpServer(seen).connect(transport);
    return transport;
  };
  const http = createServer((request, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
      seen.requests.push(`${request.method} ${body?.method ?? ""}`.trim());
      seen.headers.push(request.headers);
      const { token } = options;
      if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
        return response.writeHead(401, { "www-authenticate": "Bearer" }).end();
      const session = sessions.get(String(request.headers["mcp-session-id"]));
      const transport = session ?? (await begin());
      return transport.handleRequest(request, response, body);
    })();
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    await Promise.all([...sessions.values()].map((transport) => transport.close()));
    http.closeAllConnections();
    http.close();
  });
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`, seen };
}
