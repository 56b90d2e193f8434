/** The few things of oidc-provider, which has no types of its own, that the tests use. */
declare module "oidc-provider" {
  import type { RequestListener } from "node:http";

  export interface GrantContext {
    body?: unknown;
    readonly oidc: {
      readonly params: Readonly<Record<string, string>>;
      readonly client: { readonly clientId: string };
    };
  }

  export class Provider {
    constructor(issuer: string, configuration: object);
    callback(): RequestListener;
    registerGrantType(
      name: string,
      handler: (context: GrantContext) => Promise<void>,
      parameters: readonly string[],
      duplicates?: readonly string[],
    ): void;
  }
}
