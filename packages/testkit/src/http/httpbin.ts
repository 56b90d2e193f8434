/** The part of httpbin that examples, the conformance kit and the executor's tests call. */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { refuseDigest } from "./digest.ts";
import { type HttpFixture, type RecordedRequest, type Reply, startHttpFixture } from "./server.ts";

/** Where definitions say it is. */
export const HTTPBIN_ORIGIN = "https://httpbin.org";

export function startHttpbin(): Promise<HttpFixture> {
  return startHttpFixture((request) => {
    const url = new URL(request.target, HTTPBIN_ORIGIN);
    const [name = "", ...parts] = url.pathname.slice(1).split("/").map(decodeURIComponent);
    const route = Object.hasOwn(ROUTES, name) ? ROUTES[name] : undefined;
    return route?.({ request, url, parts }) ?? { status: 404, body: "Not Found" };
  });
}

interface Visit {
  readonly request: RecordedRequest;
  readonly url: URL;
  /** Path segments after the first, decoded. */
  readonly parts: readonly string[];
}

const ROUTES: Readonly<Record<string, (visit: Visit) => Reply>> = {
  anything: ({ request, url }) => ({ body: echo(request, url) }),
  "basic-auth": basicAuth,
  "digest-auth": digestAuth,
  bearer({ request }) {
    const token = /^Bearer (.+)$/.exec(request.headers["authorization"] ?? "")?.[1];
    if (token !== undefined) return { body: { authenticated: true, token } };
    return { status: 401, headers: { "www-authenticate": "Bearer" } };
  },
  gzip: () => compressed("gzip", gzipSync),
  deflate: () => compressed("deflate", deflateSync),
  "deflate-raw": () => compressed("deflate", deflateRawSync),
  brotli: () => compressed("br", brotliCompressSync),
  /** `/gzip-zeros/N`: N bytes of nothing, small on the wire. */
  "gzip-zeros": ({ parts }) => ({
    headers: { "content-encoding": "gzip", "content-type": "application/octet-stream" },
    body: gzipSync(Buffer.alloc(Number(parts[0]))),
  }),
  status: ({ parts }) => ({ status: Number(parts[0]) }),
  bytes: ({ parts }) => ({
    headers: { "content-type": "application/octet-stream" },
    body: Buffer.alloc(Number(parts[0]), 0xab),
  }),
  /** `/redirect/N`: N redirects in a row, then `/anything`. */
  redirect({ parts }) {
    const left = Number(parts[0]);
    const location = left > 1 ? `/redirect/${left - 1}` : "/anything";
    return { status: 302, headers: { location } };
  },
  "redirect-to": ({ url }) => ({
    status: Number(url.searchParams.get("status_code") ?? 302),
    headers: { location: url.searchParams.get("url") ?? "/" },
  }),
};

function echo(request: RecordedRequest, url: URL) {
  return {
    method: request.method,
    path: url.pathname,
    target: request.target,
    args: Object.fromEntries(
      [...new Set(url.searchParams.keys())].map((key) => [key, url.searchParams.getAll(key)]),
    ),
    headers: request.headers,
    data: request.body.toString("utf8"),
  };
}

function basicAuth({ request, parts }: Visit): Reply {
  const [user, password] = parts;
  const expected = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  if (request.headers["authorization"] === expected) return { body: { authenticated: true, user } };
  return { status: 401, headers: { "www-authenticate": 'Basic realm="Fake Realm"' } };
}

/** `/digest-auth/{qop}/{user}/{password}/{algorithm}`; qop `none` is RFC 2069. */
function digestAuth({ request, parts }: Visit): Reply {
  const [qop = "auth", user = "", password = "", algorithm = "MD5"] = parts;
  const account = { user, password, algorithm, ...(qop === "none" ? {} : { qop }) };
  return refuseDigest(request, account) ?? { body: { authenticated: true, user } };
}

function compressed(coding: string, compress: (text: string) => Buffer): Reply {
  return {
    headers: { "content-encoding": coding, "content-type": "application/json" },
    body: compress(JSON.stringify({ compressed: true })),
  };
}
