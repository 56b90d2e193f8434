/** Finds an authority's token endpoint in its metadata (RFC 8414, OpenID Connect Discovery 1.0). */
import { isObject } from "@millrace/language";
import { ActivityFailure } from "../failure.ts";
import type { Transport } from "../http/transport.ts";
import { describeUri } from "../http/uri.ts";
import type { Authority } from "./token-request.ts";

/**
 * Where an authority's metadata may stand: OpenID Connect appends its path to the authority's, RFC 8414 puts its own between
 * host and path (section 3.1).
 */
export function metadataOf(authority: URL): readonly URL[] {
  if (authority.pathname.includes("/.well-known/")) return [authority];
  const path = authority.pathname.replace(/\/$/, "");
  return [
    new URL(`${path}/.well-known/openid-configuration`, authority),
    new URL(`/.well-known/oauth-authorization-server${path}`, authority),
  ];
}

/**
 * The token endpoint that the first document there is names.
 * @throws {ActivityFailure} `authentication` when none names one that can be used, `communication` when the authority is down
 */
export async function discover(
  transport: Transport,
  documents: readonly URL[],
  signal: AbortSignal,
): Promise<Authority> {
  const headers = { accept: "application/json", "user-agent": "millrace" };
  let missing = "";
  for (const url of documents) {
    const response = await transport.send({ method: "GET", url, headers }, signal);
    const target = `GET ${describeUri(url)}`;
    if (response.status === 200) return authorityOf(response.content, url, target);
    const detail = `${target}: the discovery document answered ${response.status}`;
    if (response.status >= 500) {
      throw new ActivityFailure("communication", detail, { status: response.status });
    }
    missing ||= detail;
  }
  throw new ActivityFailure("authentication", missing);
}

function authorityOf(content: Buffer, document: URL, target: string): Authority {
  const { token_endpoint: endpoint, issuer } = parse(content);
  const url =
    typeof endpoint === "string" && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  // A document fetched securely must not send the client's secret in the clear.
  const allowed = document.protocol === "https:" ? ["https:"] : ["https:", "http:"];
  const usable = url !== undefined && allowed.includes(url.protocol);
  if (!usable || url.username !== "" || url.password !== "") {
    throw new ActivityFailure("authentication", `${target}: names no usable token_endpoint`);
  }
  url.hash = "";
  return { url, audience: typeof issuer === "string" ? issuer : url.href };
}

function parse(content: Buffer): Readonly<Record<string, unknown>> {
  try {
    const metadata: unknown = JSON.parse(content.toString("utf8"));
    return isObject(metadata) ? metadata : {};
  } catch {
    return {};
  }
}
