/**
 * Documents that describe interfaces (OpenAPI, AsyncAPI): fetched through the same transport as calls (egress
 * policy, limits), parsed as JSON or YAML, and kept for a few minutes. Documents fetched with different credentials are different documents.
 */
import { createHash } from "node:crypto";
import { type Json, type JsonObject, parseYaml } from "@millrace/language";
import type { Clock } from "../../clock.ts";
import { ExpiringCache } from "../expiring-cache.ts";
import { ActivityFailure } from "../failure.ts";
import { assertStatus } from "../http/call.ts";
import { type Credentials, exchange } from "../http/exchange.ts";
import type { Transport } from "../http/transport.ts";
import { describeUri } from "../http/uri.ts";
import { withTimeLimit } from "../time-limit.ts";

export interface FetchedDocument {
  /** Where it was found, after redirects: what relative URLs in it resolve against. */
  readonly url: URL;
  /** Where it was asked for, as it stands in errors. */
  readonly name: string;
  readonly root: Json;
  /** Bytes of source text. */
  readonly size: number;
}

export interface DocumentRequest {
  readonly url: URL;
  readonly policy?: JsonObject;
  readonly credentials?: Credentials;
}

export interface DocumentSource {
  /** @throws {ActivityFailure} as the transport does, or `configuration` when it is neither JSON nor YAML */
  get(request: DocumentRequest, signal: AbortSignal): Promise<FetchedDocument>;
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
/** Of YAML, which is read a hundred times slower than JSON while everything else waits: against minutes of it. */
const YAML_LIMITS = { maxBytes: 2 * 1024 * 1024, maxNodes: 500_000 };

export function documentSource(config: DocumentSourceConfig): DocumentSource {
  const { transport, clock, timeToLive = DEFAULT_TIME_TO_LIVE } = config;
  const maxWeight = config.maxCachedBytes ?? DEFAULT_CACHED_BYTES;
  const cache = new ExpiringCache<FetchedDocument>({ clock, maxWeight });
  const load = (request: DocumentRequest) =>
    withTimeLimit(clock, transport.limits.totalTimeout, undefined, async (signal) => {
      const value = await fetchDocument(transport, request, signal);
      return { value, expiresAt: clock.now() + timeToLive, weight: value.size };
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
): Promise<FetchedDocument> {
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
  const name = describeUri(request.url);
  const root = parseText(content.toString("utf8"), name);
  return { url: done.request.url, name, root, size: content.length };
}

function parseText(text: string, name: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    // YAML, then.
  }
  const { value, issues } = parseYaml(text, YAML_LIMITS);
  if (value !== undefined) return value;
  const detail = `${name} is neither JSON nor YAML that can be read: ${issues[0]?.message}`;
  throw new ActivityFailure("configuration", detail);
}
