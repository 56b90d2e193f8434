/** Shared by the tests of this folder: calls of the greeter, with its proto document served over HTTP. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { WorkflowError } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";
import type { ActivityRequest } from "../executor.ts";
import { type Activities, type ActivitiesConfig, createActivities } from "../registry.ts";
import { activityRequest } from "../testing.ts";
import {
  GREETER,
  type GreeterOptions,
  type GreeterServer,
  startGreeter,
} from "./testing-server.ts";

const never = new AbortController().signal;

export interface Files {
  readonly origin: string;
  /** Paths asked for, in order. */
  readonly asked: string[];
  /** The `Authorization` headers that came, in order. */
  readonly authorizations: (string | undefined)[];
}

/** Serves texts by their path; anything else is not found. Closed when the test ends. */
export async function serveFiles(
  context: Pick<TestContext, "after">,
  files: Readonly<Record<string, string>>,
): Promise<Files> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? "";
    asked.push(path);
    authorizations.push(request.headers.authorization);
    const text = files[path];
    response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, asked, authorizations };
}

export interface GrpcCaller {
  readonly activities: Activities;
  /** The output of a call that is meant to work. */
  readonly call: (input: JsonObject, more?: Partial<ActivityRequest>) => Promise<Json>;
  /** The error of a call that is meant to fail. */
  readonly refused: (
    input: JsonObject,
    more?: Partial<ActivityRequest>,
    signal?: AbortSignal,
  ) => Promise<WorkflowError>;
}

/** An executor that may call loopback, closed when the test ends. */
export function grpcCaller(
  context: Pick<TestContext, "after">,
  config: ActivitiesConfig = {},
): GrpcCaller {
  const activities = createActivities({ egress: { allowLoopback: true }, ...config });
  context.after(() => activities.close());
  const run = (input: JsonObject, more: Partial<ActivityRequest> = {}, signal = never) =>
    activities.execute(activityRequest("call:grpc", input, more), signal);
  return {
    activities,
    async call(input, more) {
      const result = await run(input, more);
      if ("output" in result) return result.output;
      throw new Error(JSON.stringify(result.error));
    },
    async refused(input, more, signal) {
      const result = await run(input, more, signal);
      if ("error" in result) return result.error;
      throw new Error(`unexpectedly completed: ${JSON.stringify(result.output)}`);
    },
  };
}

export interface Greeting extends GrpcCaller {
  readonly server: GreeterServer;
  readonly files: Files;
  /** The `with` of a call of the greeter. */
  readonly input: (method: string, given?: Json, service?: JsonObject) => JsonObject;
}

/** A greeter, its document, and an executor; all closed when the test ends. */
export async function greeting(
  context: Pick<TestContext, "after">,
  config: ActivitiesConfig = {},
  options: GreeterOptions = {},
): Promise<Greeting> {
  const files = await serveFiles(context, { "/greet.proto": GREETER });
  const server = await startGreeter(options);
  context.after(() => server.close());
  return {
    ...grpcCaller(context, config),
    server,
    files,
    input: (method, given, service = {}) => ({
      proto: { endpoint: `${files.origin}/greet.proto` },
      service: { name: "Greeter", host: "127.0.0.1", port: server.port, ...service },
      method,
      ...(given === undefined ? {} : { arguments: given }),
    }),
  };
}
