/** Shared by the tests of calls: a document on a server of its own, and a caller that takes what a subscription brings. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import type { WorkflowError } from "@millrace/engine";
import { type Json, type JsonObject } from "@millrace/language";
import type { ActivitiesConfig } from "../registry.ts";
import { activityRequest, caller } from "../testing.ts";

/** Documents by path; `/doc` is the one that calls name. */
export type Documents = Readonly<Record<string, string | JsonObject>>;

export interface AsyncApiCaller {
  /** Where the documents are. */
  readonly origin: string;
  /** Paths of the documents that were fetched, in order. */
  readonly fetched: readonly string[];
  /** Publishes; resolves with the output. */
  readonly publish: (input: JsonObject) => Promise<Json>;
  /** What a subscription brings until it has brought `count`. */
  readonly take: (input: JsonObject, count: number) => Promise<Json[]>;
  /** As `take`, telling of each item when it comes; `seen` says whether more are wanted. */
  readonly listen: (
    input: JsonObject,
    seen: (item: JsonObject) => "more" | "enough" | Promise<"more" | "enough">,
    signal?: AbortSignal,
  ) => Promise<void>;
  readonly refused: (input: JsonObject) => Promise<WorkflowError>;
}

const never = new AbortController().signal;

export async function asyncApi(
  t: TestContext,
  document: string | JsonObject | Documents,
  config: ActivitiesConfig = {},
): Promise<AsyncApiCaller> {
  const documents: Documents =
    typeof document === "object" && "/doc" in document
      ? (document as Documents)
      : { "/doc": document };
  const fetched: string[] = [];
  const server = createServer(({ url = "" }, response) => {
    fetched.push(url);
    const body = documents[url];
    response.statusCode = body === undefined ? 404 : 200;
    response.end(typeof body === "string" ? body : JSON.stringify(body ?? null));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { activities } = caller(t, config);
  const request = (input: JsonObject) =>
    activityRequest("call:asyncapi", {
      document: { endpoint: `${origin}/doc` },
      ...input,
    });
  const run: AsyncApiCaller["listen"] = async (input, seen, signal = never) => {
    const subscription = request({ subscription: {}, ...input });
    const feed = async (item: Json) => seen(item as JsonObject);
    const result = await activities.execute(subscription, signal, feed);
    if ("error" in result) throw new Error(JSON.stringify(result.error));
  };
  return {
    origin,
    fetched,
    async publish(input) {
      const result = await activities.execute(request(input), never);
      if ("output" in result) return result.output;
      throw new Error(JSON.stringify(result.error));
    },
    listen: run,
    async take(input, count) {
      const items: Json[] = [];
      await run(input, (item) => (items.push(item) < count ? "more" : "enough"));
      return items;
    },
    async refused(input) {
      const feed = (): Promise<never> => Promise.reject(new Error("a message came"));
      const result = await activities.execute(request(input), never, feed);
      if ("error" in result) return result.error;
      throw new Error(`unexpectedly completed: ${JSON.stringify(result.output)}`);
    },
  };
}

/** An AsyncAPI 3 document with one server and one channel, which is named `things` as is its operation. */
export function document3(
  server: JsonObject,
  channel: JsonObject = {},
  more: JsonObject = {},
): JsonObject {
  return {
    asyncapi: "3.0.0",
    info: { title: "Things", version: "1" },
    servers: { main: server },
    channels: { things: { address: "things", ...channel } },
    operations: { things: { action: "receive", channel: { $ref: "#/channels/things" } } },
    ...more,
  };
}

/** Host and port of an origin. */
export function hostOf(origin: string): string {
  return new URL(origin).host;
}
