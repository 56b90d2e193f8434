/**
 * Proto documents: fetched with their imports through the same transport as calls (egress policy, limits), or read from the
 * operator's folder of local resources; parsed (parse.ts) and kept for a few minutes. Documents fetched with different
 * credentials are different documents.
 */
import { createHash } from "node:crypto";
import type { JsonObject } from "@millrace/language";
import type { Clock } from "../../clock.ts";
import { ExpiringCache } from "../expiring-cache.ts";
import { ActivityFailure } from "../failure.ts";
import { assertStatus } from "../http/call.ts";
import { type Credentials, exchange } from "../http/exchange.ts";
import type { Transport } from "../http/transport.ts";
import { describeUri } from "../http/uri.ts";
import { readLocal } from "../local-resources.ts";
import { withTimeLimit } from "../time-limit.ts";
import { isBuiltIn } from "./built-in.ts";
import { candidates, importsOf } from "./imports.ts";
import type { ProtoFile, ProtoParser } from "./parse.ts";
import type { Schema } from "./schema.ts";

export interface ProtoRequest {
  /** `http:`, `https:` or `file:`. */
  readonly url: URL;
  readonly policy?: JsonObject;
  readonly credentials?: Credentials;
}

export interface ProtoSourceConfig {
  readonly transport: Transport;
  readonly parser: ProtoParser;
  readonly clock: Pick<Clock, "now" | "after">;
  /** The folder that `file:` URIs name files of. */
  readonly resources?: string;
  readonly limits?: Partial<ProtoLimits>;
}

export interface ProtoLimits {
  /** Documents that one document imports, itself included, and how many imports may follow one upon the other. */
  readonly maxFiles: number;
  readonly maxDepth: number;
  /** Of all these documents together. */
  readonly maxBytes: number;
  /** Of the source text of everything that is kept. */
  readonly maxCachedBytes: number;
  /** Milliseconds. */
  readonly timeToLive: number;
}

const MiB = 1024 * 1024;

export const PROTO_LIMITS: ProtoLimits = {
  maxFiles: 64,
  maxDepth: 16,
  maxBytes: MiB,
  maxCachedBytes: 8 * MiB,
  timeToLive: 5 * 60_000,
};

export class ProtoSource {
  readonly #config: ProtoSourceConfig;
  readonly #limits: ProtoLimits;
  readonly #cache: ExpiringCache<Schema>;

  constructor(config: ProtoSourceConfig) {
    this.#config = config;
    this.#limits = { ...PROTO_LIMITS, ...config.limits };
    this.#cache = new ExpiringCache({
      clock: config.clock,
      maxWeight: this.#limits.maxCachedBytes,
    });
  }

  /** @throws {ActivityFailure} as the transport does, or `configuration` when the document cannot be used */
  get(request: ProtoRequest, signal: AbortSignal): Promise<Schema> {
    const { clock, transport } = this.#config;
    const load = () =>
      withTimeLimit(clock, transport.limits.totalTimeout, undefined, async (limited) => {
        const { schema, bytes } = await this.#load(request, limited);
        return { value: schema, expiresAt: clock.now() + this.#limits.timeToLive, weight: bytes };
      });
    return this.#cache.get(keyOf(request), load, signal);
  }

  async #load(request: ProtoRequest, signal: AbortSignal) {
    const { maxFiles, maxDepth, maxBytes } = this.#limits;
    const unusable = (why: string): ActivityFailure =>
      new ActivityFailure("configuration", `${nameOf(request.url)}: ${why}`);
    const files: ProtoFile[] = [];
    const seen = new Set<string>();
    const builtIn = new Set<string>();
    let bytes = 0;
    let due: readonly string[] = [""];
    for (let depth = 0; due.length > 0; depth += 1) {
      if (depth > maxDepth) throw unusable(`imports are nested more than ${maxDepth} deep`);
      const next: string[] = [];
      for (const name of due) {
        if (files.length >= maxFiles) throw unusable(`more than ${maxFiles} files`);
        const content = await this.#read(request, name, maxBytes - bytes, signal);
        bytes += content.length;
        if (bytes > maxBytes) throw unusable(`more than ${maxBytes} bytes with its imports`);
        const text = content.toString("utf8");
        files.push({ name: name || nameOf(request.url), text });
        for (const imported of importsOf(text)) {
          if (isBuiltIn(imported)) builtIn.add(imported);
          else if (!seen.has(imported)) next.push(imported);
          seen.add(imported);
        }
      }
      due = next;
    }
    return { schema: await this.#config.parser.parse(files, builtIn), bytes };
  }

  /** The document itself when `name` is empty, else what it imports. */
  async #read(
    request: ProtoRequest,
    name: string,
    limit: number,
    signal: AbortSignal,
  ): Promise<Buffer> {
    const urls = name === "" ? [request.url] : candidates(request.url, name);
    for (const [index, url] of urls.entries()) {
      try {
        if (url.protocol === "file:") return await readLocal(this.#config.resources, url, limit);
        return await this.#fetch({ ...request, url }, signal);
      } catch (error) {
        const missing = error instanceof ActivityFailure && [400, 404].includes(error.status);
        if (!missing || index === urls.length - 1) throw error;
      }
    }
    throw new Error("an import without a place");
  }

  async #fetch(request: ProtoRequest, signal: AbortSignal): Promise<Buffer> {
    const headers = { accept: "text/plain, */*;q=0.8", "user-agent": "millrace" };
    const done = await exchange(
      this.#config.transport,
      { method: "GET", url: request.url, headers },
      {
        followRedirects: true,
        ...(request.credentials === undefined ? {} : { credentials: request.credentials }),
        signal,
      },
    );
    assertStatus(done, false);
    return done.response.content;
  }
}

function keyOf({ url, policy }: ProtoRequest): string {
  const credentials = createHash("sha256").update(JSON.stringify(policy ?? null));
  return `${credentials.digest("base64")} ${url.href}`;
}

function nameOf(url: URL): string {
  return url.protocol === "file:" ? `file://${url.host}${url.pathname}` : describeUri(url);
}
