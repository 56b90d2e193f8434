/** Turns an authentication policy of the DSL into credentials. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { badArgument } from "../arguments.ts";
import type { Credentials } from "../http/exchange.ts";
import { basicCredentials, bearerCredentials } from "./basic.ts";
import { digestCredentials } from "./digest.ts";
import { tokenCredentials } from "./oauth2.ts";
import type { TokenSource } from "./token-source.ts";

export interface CredentialsRequest {
  /** The policy, with references to `use.authentications` already resolved. */
  readonly policy: JsonObject;
  /** Where it stands in the arguments, for errors. */
  readonly path: string;
  /** What templates in URIs resolve against. */
  readonly data: Json;
}

const SCHEMES = ["basic", "bearer", "digest", "oauth2", "oidc"] as const;

export function credentialsFrom(request: CredentialsRequest, tokens: TokenSource): Credentials {
  const scheme = SCHEMES.find((name) => request.policy[name] !== undefined);
  if (scheme === undefined) {
    const reference = request.policy["use"] === undefined ? "" : "; the reference was not resolved";
    throw badArgument(request.path, `must have one of ${SCHEMES.join(", ")}${reference}`);
  }
  const path = `${request.path}.${scheme}`;
  const policy = request.policy[scheme];
  if (!isObject(policy)) throw badArgument(path, "must be an object");
  // What the definition takes from a secret is that secret's value by now: this came with data, or stands in the value.
  if (policy["use"] !== undefined) {
    throw badArgument(`${path}.use`, "a secret can only be named in the definition itself");
  }
  switch (scheme) {
    case "basic":
      return basicCredentials(policy, path);
    case "bearer":
      return bearerCredentials(policy, path);
    case "digest":
      return digestCredentials(policy, path);
    case "oauth2":
    case "oidc":
      return tokenCredentials({ kind: scheme, policy, path, data: request.data }, tokens);
  }
}
