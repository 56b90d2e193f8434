/** Where resources come from: the network, through the egress boundary, and the host's own catalog. */
import type { Deferred, ExternalPlace, FixedEndpoint, JsonObject } from "@millrace/language";
import { isObject } from "@millrace/language";
import { ResourceFailure, type ResourceSource } from "./complete.ts";
import { catalogFunctionUrl, functionUrl } from "./git-hosts.ts";

/** A document to fetch for a tenant. */
export interface TextRequest {
  readonly tenant: string;
  readonly url: string;
  /** An authentication policy, if the document needs one. */
  readonly policy?: JsonObject;
  /** The places of the policy that are evaluated with secrets. */
  readonly deferred: readonly Deferred[];
}

/** What the activities offer for this: a document's text over HTTP. */
export interface DocumentFetcher {
  /** @throws {Error} whose message tells what went wrong and holds no secret */
  fetchText(request: TextRequest, signal: AbortSignal): Promise<string>;
}

/** Functions that the operator provides. */
export interface FunctionCatalog {
  /** The text of a function; `undefined` when there is none of this name and version. */
  read(name: string, version: string): Promise<string | undefined>;
}

export interface ResourceSourceParts {
  readonly tenant: string;
  readonly fetcher?: DocumentFetcher;
  readonly catalog: FunctionCatalog;
}

export function resourceSource({ tenant, fetcher, catalog }: ResourceSourceParts): ResourceSource {
  return {
    async read({ from, kind }, signal) {
      if (from.kind === "default") return fromCatalog(catalog, from);
      if (fetcher === undefined) throw new ResourceFailure("nothing is fetched here");
      const url = addressOf(from, kind);
      const request = { tenant, url, ...policyOf(from.endpoint) };
      try {
        return await fetcher.fetchText(request, signal);
      } catch (error) {
        const reason = error instanceof Error ? error.message : "it cannot be fetched";
        throw new ResourceFailure(signal.aborted ? "it was not fetched in time" : reason);
      }
    },
  };
}

function addressOf(
  from: Exclude<ExternalPlace, { kind: "default" }>,
  kind: "function" | "schema",
): string {
  const { url } = from.endpoint;
  if (!URL.canParse(url)) throw new ResourceFailure(`"${url}" is not an absolute URL`);
  if (from.kind === "catalog") return catalogFunctionUrl(url, from.name, from.version);
  return kind === "function" ? functionUrl(url) : url;
}

async function fromCatalog(
  catalog: FunctionCatalog,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<string> {
  const text = await catalog.read(name, version);
  if (text !== undefined) return text;
  throw new ResourceFailure(`the default catalog has no function ${name} of version ${version}`);
}

/** The policy as it is written, and what of it is evaluated with secrets. */
function policyOf({ authentication }: FixedEndpoint): Pick<TextRequest, "policy" | "deferred"> {
  if (authentication === undefined) return { deferred: [] };
  const { constant, deferred = [] } = authentication;
  if (constant !== undefined && isObject(constant)) return { policy: constant, deferred };
  throw new ResourceFailure("its authentication needs data, which is not there yet");
}
