/** What reach.yaml calls: an authority, a price list (OpenAPI), a stock (gRPC), a notebook (MCP) and Kafka, on loopback. */
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { type Metadata, Server, ServerCredentials, status } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import { startKafka } from "@millrace/testkit/brokers";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { Admin, Consumer } from "@platformatic/kafka";
import { createLocalJWKSet, jwtVerify } from "jose";
import { OAuth2Server } from "oauth2-mock-server";
import protobuf from "protobufjs";
import { z } from "zod";

export interface Counterparts {
  /** The first order announced on Kafka. */
  announced(): Promise<string>;
  /** Who came with a valid token. */
  readonly admitted: readonly string[];
  stop(): Promise<void>;
}

const STOCK = `syntax = "proto3";
package shop;
service Stock { rpc Reserve(Order) returns (Reservation); }
message Order { string sku = 1; int32 count = 2; }
message Reservation { string reservation = 1; }
`;

const PRICES = {
  openapi: "3.1.0",
  info: { title: "Prices", version: "1.0.0" },
  paths: {
    "/prices/{sku}": {
      parameters: [{ name: "sku", in: "path", required: true }],
      get: { operationId: "getPrice", parameters: [{ name: "currency", in: "query" }] },
    },
  },
};

const TOPIC = "orders";

const orders = (port: number) => ({
  asyncapi: "3.0.0",
  info: { title: "Orders", version: "1.0.0" },
  servers: { local: { host: `127.0.0.1:${port}`, protocol: "kafka" } },
  channels: { orders: { address: TOPIC, messages: { order: { payload: { type: "object" } } } } },
  operations: { announceOrder: { action: "receive", channel: { $ref: "#/channels/orders" } } },
});

export async function startCounterparts(): Promise<Counterparts> {
  const closing: (() => Promise<unknown>)[] = [];
  const admitted: string[] = [];
  const authority = new OAuth2Server();
  await authority.issuer.keys.generate("RS256");
  await authority.start(18081, "localhost");
  closing.push(() => authority.stop());
  const keys = createLocalJWKSet({ keys: authority.issuer.keys.toJSON() });
  const admit = async (who: string, authorization: string | undefined): Promise<void> => {
    await jwtVerify(authorization?.replace(/^Bearer /, "") ?? "", keys);
    admitted.push(who);
  };
  const listen = async (port: number, handle: RequestListener): Promise<void> => {
    const server = createServer(handle);
    await new Promise<void>((resolve) => server.listen(port, "localhost", resolve));
    closing.push(async () => server.close().closeAllConnections());
  };
  const kafka = await startKafka();
  closing.push(() => kafka.stop());
  const documents = { "/openapi.json": PRICES, "/asyncapi.json": orders(kafka.port) };
  await listen(18082, prices(documents, admit));
  closing.push(await startStock(admit));
  await listen(18084, notebook(admit));
  const client = { clientId: "demo", bootstrapBrokers: [`127.0.0.1:${kafka.port}`] };
  const admin = new Admin(client);
  await admin.createTopics({ topics: [TOPIC], partitions: 1, replicas: 1 });
  await admin.close();
  return {
    admitted,
    async announced() {
      const consumer = new Consumer({ ...client, groupId: "demo", maxWaitTime: 100 });
      const stream = await consumer.consume({ topics: [TOPIC], mode: "earliest" });
      for await (const { value } of stream) {
        await consumer.close(true);
        return value.toString();
      }
      throw new Error("the topic has ended");
    },
    async stop() {
      for (const close of closing.toReversed()) await close();
    },
  };
}

type Admit = (who: string, authorization: string | undefined) => Promise<void>;

function prices(documents: Readonly<Record<string, object>>, admit: Admit): RequestListener {
  return (request, response) => {
    const { url = "", headers } = request;
    const document = documents[url];
    if (document !== undefined) return void response.end(JSON.stringify(document));
    if (url === "/stock.proto") return void response.end(STOCK);
    response.setHeader("content-type", "application/json");
    admit("openapi", headers.authorization).then(
      () => response.end('{"amount":12.5,"currency":"EUR"}'),
      () => response.writeHead(401).end(),
    );
  };
}

/** Gives what stops it. */
async function startStock(admit: Admit): Promise<() => Promise<unknown>> {
  const { root } = protobuf.parse(STOCK, { keepCase: true });
  const definition = fromJSON(root.toJSON())["shop.Stock"];
  if (definition === undefined || !("Reserve" in definition)) throw new Error("no service");
  const server = new Server();
  type Call = { readonly metadata: Metadata; readonly request: { readonly sku: string } };
  type Answer = (error: { code: status } | null, value?: object) => void;
  server.addService(definition, {
    Reserve({ metadata, request }: Call, answer: Answer): void {
      admit("grpc", String(metadata.get("authorization")[0])).then(
        () => answer(null, { reservation: `r-${request.sku}` }),
        () => answer({ code: status.UNAUTHENTICATED }),
      );
    },
  });
  await new Promise<void>((resolve, reject) => {
    const credentials = ServerCredentials.createInsecure();
    server.bindAsync("localhost:18083", credentials, (error) =>
      error ? reject(error) : resolve(),
    );
  });
  return async () => server.forceShutdown();
}

function notebook(admit: Admit): RequestListener {
  const answer = async (request: IncomingMessage, response: Parameters<RequestListener>[1]) => {
    await admit("mcp", request.headers.authorization);
    const server = new McpServer({ name: "notebook", version: "1.0.0" });
    server.registerTool("write_note", { inputSchema: { text: z.string() } }, ({ text }) => ({
      content: [{ type: "text", text: `noted: ${text}` }],
    }));
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    await transport.handleRequest(request, response);
  };
  return (request, response) => {
    answer(request, response).catch(() => response.writeHead(401).end());
  };
}
