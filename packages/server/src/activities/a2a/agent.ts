/**
 * Which agent a `call: a2a` speaks to: the JSON-RPC interface that its card offers, or the server that the workflow names.
 *
 * Credentials for a card are the author's word for the card's origin alone: an agent elsewhere does not get them.
 */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { badArgument, endpointOf, optionalObject } from "../arguments.ts";
import type { FetchedDocument } from "../documents/source.ts";
import type { ActivityRequest } from "../executor.ts";
import { ActivityFailure } from "../failure.ts";
import { credentials } from "../http/call.ts";
import type { Credentials } from "../http/exchange.ts";
import { resolveUri } from "../http/uri.ts";
import { brief } from "../json-rpc.ts";
import type { CallServices } from "../services.ts";
import type { A2aVersion } from "./methods.ts";

export interface Agent {
  readonly url: URL;
  readonly version: A2aVersion;
  /** Whose agent it is, for hosts that serve several at one URL (A2A 1.0 section 4.4.6). */
  readonly tenant?: string;
  readonly credentials?: Credentials;
}

/** Where A2A keeps the card of an agent (A2A 0.3 section 5.3, RFC 8615). */
const WELL_KNOWN = "/.well-known/agent-card.json";

/** @throws {ActivityFailure} `configuration` for arguments or a card that name no agent; as the transport does */
export async function agentOf(
  activity: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Agent> {
  const { input, data } = activity;
  const resource = optionalObject(input, "agentCard");
  if (resource !== undefined) return agentOfCard(resource, activity, services, signal);
  if (input["server"] === undefined) throw badArgument("server", "required without an agentCard");
  const { uri, authentication } = endpointOf(input["server"], "server");
  return {
    url: resolveUri(uri, data, "server"),
    version: "0.3",
    ...credentials(services, authentication, "server.authentication", data),
  };
}

async function agentOfCard(
  resource: JsonObject,
  { data }: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Agent> {
  const path = "agentCard.endpoint";
  const { uri, authentication } = endpointOf(resource["endpoint"], path);
  const asked = resolveUri(uri, data, path);
  if (asked.pathname === "/") asked.pathname = WELL_KNOWN;
  const given = credentials(services, authentication, `${path}.authentication`, data);
  const policy = authentication === undefined ? {} : { policy: authentication };
  const card = await services.documents.get({ url: asked, ...policy, ...given }, signal);
  const found = interfaceOf(card);
  return found.url.origin === asked.origin ? { ...found, ...given } : found;
}

interface Interface {
  readonly url: Json | undefined;
  readonly transport: Json | undefined;
  readonly version: A2aVersion;
  readonly tenant?: Json | undefined;
}

/** The first JSON-RPC interface, those of 0.3 before: that is whose methods the DSL names. */
function interfaceOf(card: FetchedDocument): Agent {
  if (!isObject(card.root)) throw badCard(card, "is no agent card");
  const offered = [...interfaces03(card.root), ...interfaces10(card.root)];
  if (offered.length === 0) throw badCard(card, "is no agent card: it names no interface");
  const spoken = offered.filter(({ transport }) => transport === "JSONRPC");
  const chosen = spoken.find(({ version }) => version === "0.3") ?? spoken[0];
  if (chosen === undefined) {
    const names = new Set(offered.map(({ transport }) => brief(JSON.stringify(transport ?? null))));
    throw badCard(card, `offers ${[...names].join(", ")}, and not JSONRPC, which call: a2a speaks`);
  }
  const { url, version, tenant } = chosen;
  const named = typeof tenant === "string" && tenant !== "" ? { tenant } : {};
  return { url: urlOf(card, url), version, ...named };
}

/** A2A 0.3 section 5.5: one preferred interface, and others. */
function interfaces03(card: JsonObject): readonly Interface[] {
  if (card["url"] === undefined) return [];
  const preferred = { url: card["url"], transport: card["preferredTransport"] ?? "JSONRPC" };
  const others = objects(card["additionalInterfaces"]);
  return [preferred, ...others].map(({ url, transport }) => ({ url, transport, version: "0.3" }));
}

/** A2A 1.0 section 4.4: every interface says which version it speaks. */
function interfaces10(card: JsonObject): readonly Interface[] {
  return objects(card["supportedInterfaces"]).map(
    ({ url, protocolBinding, protocolVersion, tenant }) => ({
      url,
      tenant,
      transport: protocolBinding,
      version:
        typeof protocolVersion === "string" && protocolVersion.startsWith("0.3") ? "0.3" : "1.0",
    }),
  );
}

function objects(value: Json | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly Json[]).filter(isObject) : [];
}

function urlOf(card: FetchedDocument, value: Json | undefined): URL {
  const url =
    typeof value === "string" && URL.canParse(value, card.url.href)
      ? new URL(value, card.url)
      : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username || url.password)
    throw badCard(card, "gives its agent no usable http or https URL");
  url.hash = "";
  return url;
}

function badCard({ name }: FetchedDocument, what: string): ActivityFailure {
  return new ActivityFailure("configuration", `${name} ${what}`);
}
