/** What a call's answer becomes: `raw`, `content` or `response` (DSL reference "HTTP Call", "HTTP Response"). */
import type { Json, JsonObject } from "@millrace/language";
import type { OutputFormat } from "../arguments.ts";
import { ActivityFailure } from "../failure.ts";
import type { Exchange } from "./exchange.ts";
import { FORM, type Headers, isJson, mediaType } from "./message.ts";
import { describeUri } from "./uri.ts";

/** Names whose values are echoed as `[redacted]`: the response ends up in the history. */
const SECRET_NAME = /authorization|cookie|token|secret|password|api-?key/i;

export interface OutputOptions {
  readonly format: OutputFormat;
  /** The method as the author wrote it. */
  readonly method: string;
  readonly maxJsonDepth: number;
}

export function toOutput(exchange: Exchange, options: OutputOptions): Json {
  const { response } = exchange;
  switch (options.format) {
    case "raw":
      return response.content.toString("base64");
    case "content":
      return contentOf(exchange, options.maxJsonDepth);
    case "response":
      return {
        request: echo(exchange, options.method),
        statusCode: response.status,
        headers: response.headers,
        content: contentOf(exchange, options.maxJsonDepth),
      };
  }
}

/** The request that was answered: after redirects, the last one. */
function echo({ request }: Exchange, method: string): JsonObject {
  const unchanged = request.method === method.toUpperCase();
  return {
    method: unchanged ? method : request.method.toLowerCase(),
    uri: request.url.href,
    headers: redacted(request.headers),
  };
}

function redacted(headers: Headers): Headers {
  const show = ([name, value]: [string, string]): [string, string] => {
    const secret = SECRET_NAME.test(name) && name !== "idempotency-key";
    return [name, secret ? "[redacted]" : value];
  };
  return Object.fromEntries(Object.entries(headers).map(show));
}

/**
 * The body by its content type: JSON (also `+json`) parsed, text, XML, YAML and forms as strings, all else in base64; no
 * body is null. Without a content type, what is valid UTF-8 counts as text.
 */
function contentOf({ request, response }: Exchange, maxJsonDepth: number): Json {
  const { content, headers } = response;
  if (content.length === 0) return null;
  const type = mediaType(headers["content-type"]);
  if (isJson(type)) {
    return parseJson(content, `${request.method} ${describeUri(request.url)}`, maxJsonDepth);
  }
  if (type === undefined) return decodeText(content, "utf-8", true) ?? content.toString("base64");
  if (!isText(type)) return content.toString("base64");
  const charset = /;\s*charset\s*=\s*"?([^";\s]+)/i.exec(headers["content-type"] ?? "")?.[1];
  return decodeText(content, charset ?? "utf-8", false) ?? content.toString("utf8");
}

export function isText(type: string): boolean {
  return (
    type.startsWith("text/") ||
    /[/+](xml|yaml|x-yaml|toml|csv|javascript|ecmascript|graphql|sql|x-ndjson|jsonl)$/.test(type) ||
    type === FORM
  );
}

/** Undefined when the charset is unknown, or, with `strict`, when the bytes are not of it. */
function decodeText(content: Buffer, charset: string, strict: boolean): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: strict }).decode(content);
  } catch {
    return undefined;
  }
}

function parseJson(content: Buffer, target: string, maxDepth: number): Json {
  let value: Json;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content)) as Json;
  } catch {
    throw badResponse(`${target}: the answer says it is JSON but cannot be parsed`);
  }
  if (exceedsDepth(value, maxDepth)) {
    throw badResponse(`${target}: the answer is nested more than ${maxDepth} deep`);
  }
  return value;
}

/** Without recursion: what it guards against would overflow the stack here, too. */
export function exceedsDepth(value: Json, limit: number): boolean {
  let level: Json[] = [value];
  for (let depth = 0; depth <= limit; depth += 1) {
    const next: Json[] = [];
    for (const item of level) {
      if (typeof item !== "object" || item === null) continue;
      for (const child of Object.values(item)) {
        if (typeof child === "object" && child !== null) next.push(child);
      }
    }
    if (next.length === 0) return false;
    level = next;
  }
  return true;
}

function badResponse(detail: string): ActivityFailure {
  return new ActivityFailure("communication", detail, { status: 502, title: "Invalid Response" });
}
