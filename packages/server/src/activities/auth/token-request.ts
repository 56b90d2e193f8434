/** What a token is asked with: the grant, the client's proof of itself, and their encoding (RFC 6749, 7523, 8693). */
import { FORM, type Headers, type OutgoingRequest } from "../http/message.ts";
import { signAssertion } from "./assertion.ts";

export type Grant =
  | { readonly kind: "client_credentials" }
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "refresh_token"; readonly token: string }
  | { readonly kind: "exchange"; readonly subject: SecurityToken; readonly actor?: SecurityToken };

/** A token of RFC 8693; `type` is a URI such as `urn:ietf:params:oauth:token-type:access_token`. */
export interface SecurityToken {
  readonly token: string;
  readonly type: string;
}

/** How a client proves itself at the authority (OpenID Connect Core 1.0, section 9). */
export interface Client {
  readonly method:
    | "client_secret_post"
    | "client_secret_basic"
    | "client_secret_jwt"
    | "private_key_jwt"
    | "none";
  readonly id?: string;
  /** For `private_key_jwt` a private key: PKCS #8 in PEM, or a JWK as JSON. */
  readonly secret?: string;
  /** A JWT that somebody else has signed, instead of one made from `secret`. */
  readonly assertion?: string;
}

/** Everything that decides which token comes back. */
export interface TokenRequest {
  readonly endpoint: { readonly kind: "token"; readonly url: URL } | Discovery;
  readonly grant: Grant;
  readonly client: Client;
  readonly encoding: "form" | "json";
  readonly scopes: readonly string[];
  readonly audiences: readonly string[];
  /** Accepted issuers of tokens; any when empty. */
  readonly issuers: readonly string[];
  /** Where an opaque token's issuer can be asked for (RFC 7662). */
  readonly introspection?: URL;
}

/** The first of these discovery documents that there is names the token endpoint. */
export interface Discovery {
  readonly kind: "discovery";
  readonly urls: readonly URL[];
}

/** Where a request goes, and what an assertion is made out to. */
export interface Authority {
  readonly url: URL;
  readonly audience: string;
}

type Field = [name: string, value: string];

const EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange";
const ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/** @param now epoch milliseconds */
export function tokenRequestFor(
  request: TokenRequest,
  grant: Grant,
  authority: Authority,
  now: number,
): Promise<OutgoingRequest> {
  const { scopes, audiences } = request;
  const fields = [
    ...grantFields(grant),
    ...(scopes.length > 0 ? [["scope", scopes.join(" ")] satisfies Field] : []),
  ];
  return authenticated(request, authority, fields, audiences, now);
}

/** Asks the authority about a token (RFC 7662 section 2.1). */
export function introspectionRequestFor(
  request: TokenRequest,
  url: URL,
  token: string,
  now: number,
): Promise<OutgoingRequest> {
  const fields: Field[] = [
    ["token", token],
    ["token_type_hint", "access_token"],
  ];
  return authenticated(
    { ...request, encoding: "form" },
    { url, audience: url.href },
    fields,
    [],
    now,
  );
}

function grantFields(grant: Grant): Field[] {
  switch (grant.kind) {
    case "client_credentials":
      return [["grant_type", "client_credentials"]];
    case "password":
      return [
        ["grant_type", "password"],
        ["username", grant.username],
        ["password", grant.password],
      ];
    case "refresh_token":
      return [
        ["grant_type", "refresh_token"],
        ["refresh_token", grant.token],
      ];
    case "exchange":
      return [
        ["grant_type", EXCHANGE],
        ["subject_token", grant.subject.token],
        ["subject_token_type", grant.subject.type],
        ...actorFields(grant.actor),
      ];
  }
}

function actorFields(actor: SecurityToken | undefined): Field[] {
  if (actor === undefined) return [];
  return [
    ["actor_token", actor.token],
    ["actor_token_type", actor.type],
  ];
}

async function authenticated(
  { client, encoding }: TokenRequest,
  authority: Authority,
  asked: readonly Field[],
  audiences: readonly string[],
  now: number,
): Promise<OutgoingRequest> {
  const fields = [...asked, ...(await clientFields(client, authority.audience, now))];
  const headers = { ...commonHeaders, ...basicHeader(client) };
  if (encoding === "json") {
    const audience = audiences.length > 1 ? audiences : audiences[0];
    const text = JSON.stringify({ ...Object.fromEntries(fields), ...(audience && { audience }) });
    return post(authority.url, { ...headers, "content-type": "application/json" }, text);
  }
  // RFC 8693 section 2.1 and others repeat the field.
  const all = [...fields, ...audiences.map((audience): Field => ["audience", audience])];
  const text = new URLSearchParams(all).toString();
  return post(authority.url, { ...headers, "content-type": FORM }, text);
}

const commonHeaders: Headers = { accept: "application/json", "user-agent": "millrace" };

function post(url: URL, headers: Headers, text: string): OutgoingRequest {
  return { method: "POST", url, headers, body: Buffer.from(text) };
}

function basicHeader({ method, id = "", secret = "" }: Client): Headers {
  if (method !== "client_secret_basic") return {};
  // RFC 6749 section 2.3.1: both parts are form-encoded before they are joined.
  const pair = [id, secret].map(formEncode).join(":");
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}

async function clientFields(client: Client, audience: string, now: number): Promise<Field[]> {
  const { method, id, secret } = client;
  const named: Field[] = id === undefined ? [] : [["client_id", id]];
  switch (method) {
    case "client_secret_basic":
      return [];
    case "none":
      return named;
    case "client_secret_post":
      return secret === undefined ? named : [...named, ["client_secret", secret]];
    case "client_secret_jwt":
    case "private_key_jwt":
      return [
        ...named,
        ["client_assertion_type", ASSERTION],
        ["client_assertion", client.assertion ?? (await signAssertion(client, audience, now))],
      ];
  }
}

function formEncode(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}
