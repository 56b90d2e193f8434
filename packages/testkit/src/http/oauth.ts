/** An OAuth 2.0 authority: token endpoints, discovery, and a resource that only its tokens open. */
import { type HttpFixture, type RecordedRequest, type Reply, startHttpFixture } from "./server.ts";

export interface OAuthFixture extends HttpFixture {
  /** Tokens given out so far. */
  readonly issued: readonly string[];
  /** Makes the resource refuse this token from now on. */
  revoke(token: string): void;
}

export interface OAuthOptions {
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** Seconds; null leaves `expires_in` out. */
  readonly expiresIn?: number | null;
  /** Awaited before each token is given out. */
  readonly gate?: () => Promise<void>;
  /** Makes the n-th token (from 1). */
  readonly mint?: (n: number) => string;
}

/**
 * Paths: `/oauth2/token`, `/realms/test/oauth2/token`, `/custom/token`, `/.well-known/openid-configuration` and the same
 * below `/realms/test` (all name `/discovered/token`), `/resource`.
 */
export async function startOAuth(options: OAuthOptions = {}): Promise<OAuthFixture> {
  const { mint = (n: number) => `token-${n}` } = options;
  const issued: string[] = [];
  const valid = new Set<string>();
  const fixture: HttpFixture = await startHttpFixture(async (request): Promise<Reply> => {
    const { pathname } = new URL(request.target, "http://authority");
    if (pathname === "/resource") return resource(request, valid);
    if (pathname.endsWith("/.well-known/openid-configuration")) {
      const { origin } = fixture;
      return { body: { issuer: origin, token_endpoint: `${origin}/discovered/token` } };
    }
    if (!pathname.endsWith("/token")) return { status: 404 };
    await options.gate?.();
    if (!isClient(request, options)) return { status: 401, body: { error: "invalid_client" } };
    const token = mint(issued.length + 1);
    issued.push(token);
    valid.add(token);
    const { expiresIn = 3_600 } = options;
    const life = expiresIn === null ? {} : { expires_in: expiresIn };
    return { body: { access_token: token, token_type: "Bearer", ...life } };
  });
  return Object.assign(fixture, { issued, revoke: (token: string) => void valid.delete(token) });
}

function resource(request: RecordedRequest, valid: ReadonlySet<string>): Reply {
  const token = /^Bearer (.+)$/.exec(request.headers["authorization"] ?? "")?.[1] ?? "";
  if (valid.has(token)) return { body: { token } };
  return { status: 401, headers: { "www-authenticate": 'Bearer error="invalid_token"' } };
}

function isClient(request: RecordedRequest, options: OAuthOptions): boolean {
  const { clientId = "client", clientSecret = "s3cret" } = options;
  const basic = /^Basic (.+)$/.exec(request.headers["authorization"] ?? "")?.[1];
  if (basic !== undefined) {
    const [id, secret] = Buffer.from(basic, "base64").toString().split(":").map(formDecode);
    return id === clientId && secret === clientSecret;
  }
  const text = request.body.toString();
  const json = request.headers["content-type"]?.startsWith("application/json");
  const fields = json
    ? (JSON.parse(text) as Record<string, string>)
    : Object.fromEntries(new URLSearchParams(text));
  return fields["client_id"] === clientId && fields["client_secret"] === clientSecret;
}

function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " "));
}
