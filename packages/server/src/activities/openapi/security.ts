/**
 * Security requirements of an operation. A call's `authentication` goes into the `Authorization` header; API keys stand
 * somewhere else. They may be given as parameters under the name that the document gives them; and where nothing but a key
 * lets a call in, the token of a `bearer` policy is that key.
 */
import { isObject, type JsonObject } from "@millrace/language";
import type { Credentials } from "../http/exchange.ts";
import { addHeader } from "../http/request.ts";
import type { OpenApiDocument } from "./document.ts";
import type { Found, Parameter, SecurityKey } from "./declarations.ts";

interface Scheme {
  readonly name: string;
  readonly in: "query" | "header" | "cookie";
}

/** The parameters, with the keys of the operation's requirements among them. */
export async function keyParameters(
  document: OpenApiDocument,
  { operation }: Found,
  described: readonly Parameter[],
): Promise<{ readonly parameters: readonly Parameter[]; readonly key?: SecurityKey }> {
  const requirements = operation.node["security"] ?? document.root["security"];
  if (!Array.isArray(requirements)) return { parameters: described };
  const parameters = [...described];
  let only: Scheme | undefined;
  let others = false;
  for (const requirement of requirements as readonly JsonObject[]) {
    const names = isObject(requirement) ? Object.keys(requirement) : [];
    for (const name of names) {
      const scheme = await schemeOf(document, name);
      if (scheme === undefined || names.length > 1) others = true;
      if (scheme === undefined) continue;
      only ??= scheme;
      if (!parameters.some((each) => each.name === scheme.name)) parameters.push(asKey(scheme));
    }
  }
  if (only === undefined || others || only.in === "query") return { parameters };
  return { parameters, key: { name: only.name, in: only.in } };
}

async function schemeOf(document: OpenApiDocument, name: string): Promise<Scheme | undefined> {
  const { resolver, root, swagger } = document;
  const from = { node: root, document: resolver.root };
  const path = swagger ? ["securityDefinitions", name] : ["components", "securitySchemes", name];
  const scheme = (await resolver.object(from, ...path))?.node ?? {};
  const { type, in: place, name: key } = scheme;
  if (type !== "apiKey" || typeof key !== "string") return undefined;
  if (place !== "query" && place !== "header" && place !== "cookie") return undefined;
  return { name: key, in: place };
}

function asKey({ name, in: place }: Scheme): Parameter {
  const style = place === "header" ? "simple" : "form";
  return { name, in: place, required: false, style, explode: false, json: false };
}

/** The same credentials, a bearer token going where the key is asked for. */
export function asApiKey(given: Credentials, key: SecurityKey): Credentials {
  return {
    ...given,
    async headers(request, signal) {
      const { authorization, ...headers } = await given.headers(request, signal);
      const token = /^Bearer (.+)$/s.exec(authorization ?? "")?.[1];
      if (authorization === undefined || token === undefined)
        return authorization === undefined ? headers : { ...headers, authorization };
      const placed: Record<string, string> = { ...headers };
      if (key.in === "header") addHeader(placed, key.name, token, "authentication");
      else {
        const cookie = `${key.name}=${encodeURIComponent(token)}`;
        const before = request.headers["cookie"];
        const all = before === undefined ? cookie : `${before}; ${cookie}`;
        addHeader(placed, "cookie", all, "authentication");
      }
      return placed;
    },
  };
}
