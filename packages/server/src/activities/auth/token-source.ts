/**
 * OAuth 2.0 access tokens: kept until shortly before they expire, and fetched once for all activities that need the same one
 * at the same time. A refresh token that came with one is used for the next (RFC 6749 section 6); when the authority refuses
 * it, the grant of the policy is asked for again.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../clock.ts";
import { ExpiringCache } from "../expiring-cache.ts";
import { ActivityFailure } from "../failure.ts";
import type { Transport } from "../http/transport.ts";
import { describeUri } from "../http/uri.ts";
import { withTimeLimit } from "../time-limit.ts";
import { discover } from "./discovery.ts";
import { assertIntrospected, issuerOf, readTokenAnswer, type TokenAnswer } from "./token-answer.ts";
import {
  type Authority,
  type Grant,
  introspectionRequestFor,
  type TokenRequest,
  tokenRequestFor,
} from "./token-request.ts";

export interface TokenSource {
  /**
   * @returns the token, and whether it was fetched for this very caller
   * @throws {ActivityFailure} `authentication` when the authority refuses, as the transport does when it isn't reached
   */
  token(
    request: TokenRequest,
    signal: AbortSignal,
  ): Promise<{ readonly token: string; readonly fresh: boolean }>;
  /** Forgets this token, which a resource refused, so that the next call fetches another. */
  forget(request: TokenRequest, token: string): void;
}

export interface TokenSourceConfig {
  readonly transport: Transport;
  readonly clock: Pick<Clock, "now" | "after">;
}

const MAX_TOKENS = 1_000;
/** A token is renewed this long before it expires, but used for at least nine tenths of its life. */
const SKEW_MS = 30_000;

export function tokenSource({ transport, clock }: TokenSourceConfig): TokenSource {
  const cache = new ExpiringCache<string>({ clock, maxWeight: MAX_TOKENS });
  const refreshTokens = new BoundedMap();
  const ask = async (request: TokenRequest, grant: Grant, to: Authority, signal: AbortSignal) => {
    const sent = await tokenRequestFor(request, grant, to, clock.now());
    return readTokenAnswer(await transport.send(sent, signal), to.url);
  };
  const fetchToken = async (key: string, request: TokenRequest, signal: AbortSignal) => {
    const { endpoint } = request;
    const authority =
      endpoint.kind === "token"
        ? { url: endpoint.url, audience: endpoint.url.href }
        : await discover(transport, endpoint.urls, signal);
    const kept = refreshTokens.get(key);
    let answer: TokenAnswer | undefined;
    if (kept !== undefined) {
      const refresh: Grant = { kind: "refresh_token", token: kept };
      answer = await ask(request, refresh, authority, signal).catch(unlessRefused);
      if (answer === undefined) refreshTokens.delete(key);
    }
    answer ??= await ask(request, request.grant, authority, signal);
    // An authority that rotates refresh tokens takes each only once (RFC 6749 section 6).
    if (answer.refreshToken !== undefined) refreshTokens.set(key, answer.refreshToken);
    await assertIssuer(transport, clock, request, { ...answer, url: authority.url }, signal);
    return answer;
  };
  const load = (key: string, request: TokenRequest) =>
    // Several activities may wait for it, so no single one's signal ends it.
    withTimeLimit(clock, transport.limits.totalTimeout, undefined, async (signal) => {
      const { token, lifeMs } = await fetchToken(key, request, signal);
      const skew = Math.min(SKEW_MS, lifeMs / 10);
      return { value: token, expiresAt: clock.now() + lifeMs - skew };
    });
  return {
    async token(request, signal) {
      const key = keyOf(request);
      let fresh = false;
      const token = await cache.get(
        key,
        () => {
          fresh = true;
          return load(key, request);
        },
        signal,
      );
      return { token, fresh };
    },
    // Another activity may have fetched a better one in between: that stays.
    forget: (request, token) => cache.delete(keyOf(request), token),
  };
}

function unlessRefused(error: unknown): undefined {
  if (error instanceof ActivityFailure && error.kind === "authentication") return undefined;
  throw error;
}

/** A JWT tells its issuer; an opaque token's can be asked for where the policy names an introspection endpoint. */
async function assertIssuer(
  transport: Transport,
  clock: Pick<Clock, "now">,
  request: TokenRequest,
  { token, url }: { readonly token: string; readonly url: URL },
  signal: AbortSignal,
): Promise<void> {
  const { issuers, introspection } = request;
  if (issuers.length === 0) return;
  const issuer = issuerOf(token);
  if (issuer !== undefined) {
    if (issuers.includes(issuer)) return;
    const detail = `POST ${describeUri(url)}: the token comes from an issuer that is not among issuers`;
    throw new ActivityFailure("authentication", detail);
  }
  if (introspection === undefined) return;
  const sent = await introspectionRequestFor(request, introspection, token, clock.now());
  assertIntrospected(await transport.send(sent, signal), introspection, issuers);
}

/** A digest, so that secrets don't linger in memory as keys of a map. */
function keyOf(request: TokenRequest): string {
  return createHash("sha256").update(JSON.stringify(request)).digest("base64");
}

/** As many entries as the cache has; the oldest goes first. */
class BoundedMap extends Map<string, string> {
  override set(key: string, value: string): this {
    this.delete(key);
    for (const oldest of this.keys()) {
      if (this.size < MAX_TOKENS) break;
      this.delete(oldest);
    }
    return super.set(key, value);
  }
}
