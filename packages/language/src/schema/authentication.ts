/** Authentication policies (reference, "Authentication"). */
import { uriTemplate } from "./common.ts";
import { array, documented, keyed, map, object, oneOf, string } from "./type.ts";
import type { Static } from "./type.ts";

/** `{ use: name }` inside a policy names a secret that holds the credentials. */
const secretReference = object({ must: { use: string({ minLength: 1 }) } });

const passwordCredentials = keyed("credentials", {
  username: object({ must: { username: string(), password: string() } }),
  use: secretReference,
});
const tokenCredentials = keyed("credentials", {
  token: object({ must: { token: string() } }),
  use: secretReference,
});

const oauth2Token = object({ must: { token: string(), type: string() } });

const oauth2Properties = {
  must: {
    authority: uriTemplate,
    grant: oneOf(
      "authorization_code",
      "client_credentials",
      "password",
      "refresh_token",
      "urn:ietf:params:oauth:grant-type:token-exchange",
    ),
  },
  may: {
    client: object({
      may: {
        id: string(),
        secret: string(),
        assertion: string(),
        authentication: oneOf(
          "client_secret_basic",
          "client_secret_post",
          "client_secret_jwt",
          "private_key_jwt",
          "none",
        ),
      },
    }),
    request: object({
      may: { encoding: oneOf("application/x-www-form-urlencoded", "application/json") },
      open: true,
    }),
    issuers: array(string()),
    scopes: array(string()),
    audiences: array(string()),
    username: string(),
    password: string(),
    subject: oauth2Token,
    actor: oauth2Token,
  },
} as const;

const endpointPath = string({ format: "uri-template", expected: "a URI template" });
const oauth2Endpoints = object({
  may: { token: endpointPath, revocation: endpointPath, introspection: endpointPath },
  open: true,
});

const oauth2 = keyed("credentials", {
  authority: object({
    must: oauth2Properties.must,
    may: { ...oauth2Properties.may, endpoints: oauth2Endpoints },
  }),
  use: secretReference,
});
const oidc = keyed("credentials", { authority: object(oauth2Properties), use: secretReference });

const reference = object({
  must: {
    use: documented("The name of a policy of `use.authentications`.", string({ minLength: 1 })),
  },
});

/** A policy under `use.authentications`, where properties beside the scheme are tolerated. */
export const authenticationPolicy = keyed("authentication scheme", {
  basic: object({ must: { basic: passwordCredentials }, open: true }),
  bearer: object({ must: { bearer: tokenCredentials }, open: true }),
  digest: object({ must: { digest: passwordCredentials }, open: true }),
  oauth2: object({ must: { oauth2 }, open: true }),
  oidc: object({ must: { oidc }, open: true }),
});
export type AuthenticationPolicy = Static<typeof authenticationPolicy>;

/** A policy where it is used: in place, or by the name of a reusable one. */
export const referenceableAuthentication = keyed("authentication", {
  use: reference,
  basic: object({ must: { basic: passwordCredentials } }),
  bearer: object({ must: { bearer: tokenCredentials } }),
  digest: object({ must: { digest: passwordCredentials } }),
  oauth2: object({ must: { oauth2 } }),
  oidc: object({ must: { oidc } }),
});
export type ReferenceableAuthentication = Static<typeof referenceableAuthentication>;

export const authentications = map(authenticationPolicy, { entry: "authentication" });
