/**
 * OpenAPI documents: fetched through the same transport as calls (egress policy, limits), parsed as JSON or YAML, and
 * kept for a few minutes. Documents fetched with different credentials are different documents.
 */
import { createHash } from "node:crypto";
import { isObject, type JsonObject } from "@millrace/language";
import { parse as parseYaml } from "yaml";
import type { Clock } from "../../clock.ts";
import { ExpiringCache } from "../expiring-cache.ts";
import { ActivityFailure } from "../failure.ts";
import { assertStatus } from "../http/call.ts";
import { type Credentials, exchange } from "../http/exchange.ts";
import type { Transport } from "../http/transport.ts";
import { describeUri } from "../http/uri.ts";
import { withTimeLimit } from "../time-limit.ts";

export interface OpenApiDocument {
  /** Where it was found, after redirects: what relative server URLs resolve against. */
  readonly url: URL;
  readonly root: JsonObject;
}

export interface DocumentRequest {
  readonly url: URL;
  readonly policy?: JsonObject;
  readonly credentials?: Credentials;
}

export interface DocumentSource {
  /** @throws {ActivityFailure} as the transport does, or `configuration` when it is no OpenAPI document */
  get(request: DocumentRequest, signal: AbortSignal): Promise<OpenApiDocument>;
}

export interface DocumentSourceConfig {
  readonly transport: Transport;
  readonly clock: Pick<Clock, "now" | "after">;
  /** Milliseconds. */
  readonly timeToLive?: number;
  /** Bytes of source text. */
  readonly maxCachedBytes?: number;
}

const DEFAULT_TIME_TO_LIVE = 5 * 60_000;
const DEFAULT_CACHED_BYTES = 32 * 1024 * 1024;
/** Aliases that one YAML document may expand: against the "billion laughs". */
const MAX_ALIASES = 100;

export function documentSource(config: DocumentSourceConfig): DocumentSource {
  const { transport, clock, timeToLive = DEFAULT_TIME_TO_LIVE } = config;
  const maxWeight = config.maxCachedBytes ?? DEFAULT_CACHED_BYTES;
  const cache = new ExpiringCache<OpenApiDocument>({ clock, maxWeight });
  const load = (request: DocumentRequest) =>
    withTimeLimit(clock, transport.limits.totalTimeout, undefined, async (signal) => {
      const { document, size } = await fetchDocument(transport, request, signal);
      return { value: document, expiresAt: clock.now() + timeToLive, weight: size };
    });
  return {
    get: (request, signal) => cache.get(keyOf(request), () => load(request), signal),
  };
}

function keyOf({ url, policy }: DocumentRequest): string {
  const credentials = createHash("sha256").update(JSON.stringify(policy ?? null));
  return `${credentials.digest("base64")} ${url.href}`;
}

async function fetchDocument(
  transport: Transport,
  request: DocumentRequest,
  signal: AbortSignal,
): Promise<{ document: OpenApiDocument; size: number }> {
  const headers = {
    accept: "application/json, application/yaml;q=0.9, */*;q=0.8",
    "user-agent": "millrace",
  };
  const done = await exchange(
    transport,
    { method: "GET", url: request.url, headers },
    {
      followRedirects: true,
      ...(request.credentials === undefined ? {} : { credentials: request.credentials }),
      signal,
    },
  );
  assertStatus(done, false);
  const { content } = done.response;
  const root = parseDocument(content.toString("utf8"), describeUri(request.url));
  return { document: { url: done.request.url, root }, size: content.length };
}

/** @throws {ActivityFailure} `configuration` naming the document */
export function parseDocument(text: string, name: string): JsonObject {
  const root = parseText(text, name);
  const version = isObject(root) ? (root["openapi"] ?? root["swagger"]) : undefined;
  const known = typeof version === "string" && /^(3\.[012](\.|$)|2\.0$)/.test(version);
  // Unquoted in YAML, Swagger's version is a number.
  if (!isObject(root) || !(known || version === 2)) {
    const detail = `${name} is not an OpenAPI 3 or Swagger 2.0 document`;
    throw new ActivityFailure("configuration", detail);
  }
  return root;
}

function parseText(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // YAML, then.
  }
  try {
    return parseYaml(text, { maxAliasCount: MAX_ALIASES, logLevel: "error" });
  } catch {
    throw new ActivityFailure("configuration", `${name} is neither JSON nor YAML`);
  }
}
