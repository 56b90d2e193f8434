/** Finds an authority's token endpoint in its metadata (RFC 8414, OpenID Connect Discovery 1.0). */
import { isObject } from "@millrace/language";
import { ActivityFailure } from "../failure.ts";
import type { Transport } from "../http/transport.ts";
import { describeUri } from "../http/uri.ts";

export async function discoverTokenEndpoint(
  transport: Transport,
  document: URL,
  signal: AbortSignal,
): Promise<URL> {
  const headers = { accept: "application/json", "user-agent": "millrace" };
  const response = await transport.send({ method: "GET", url: document, headers }, signal);
  const target = `GET ${describeUri(document)}`;
  if (response.status !== 200) {
    const detail = `${target}: the discovery document answered ${response.status}`;
    if (response.status < 500) throw new ActivityFailure("authentication", detail);
    throw new ActivityFailure("communication", detail, { status: response.status });
  }
  const endpoint = tokenEndpoint(response.content);
  // A document fetched securely must not send the client's secret in the clear.
  const allowed = document.protocol === "https:" ? ["https:"] : ["https:", "http:"];
  if (endpoint === undefined || !allowed.includes(endpoint.protocol)) {
    throw new ActivityFailure("authentication", `${target}: names no usable token_endpoint`);
  }
  return endpoint;
}

function tokenEndpoint(content: Buffer): URL | undefined {
  try {
    const metadata: unknown = JSON.parse(content.toString("utf8"));
    const text = isObject(metadata) ? metadata["token_endpoint"] : undefined;
    return typeof text === "string" ? new URL(text) : undefined;
  } catch {
    return undefined;
  }
}
