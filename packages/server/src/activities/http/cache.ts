/**
 * A cache of HTTP responses (RFC 9111) for calls that ask for it: with a `Cache-Control` of their own, the standard's way for
 * a request to say which stored answers it would take (`max-age=60`, `max-stale`, `no-cache`, `only-if-cached`). Without that
 * header, or with `no-store`, nothing is stored and nothing is taken from the cache.
 *
 * It is a shared cache in the standard's sense, because workflows of one tenant use different credentials: an answer to a
 * request with `Authorization` is stored only when marked `public` (or `s-maxage`), and `private` ones and those that set
 * cookies never are. Requests with other credentials (a cookie, an API key) pass it by. No tenant sees another one's.
 *
 * The rules are undici's; its time is the machine's.
 */
import { type Dispatcher, interceptors, type Pool } from "undici";
import { type ResponseStore, responseStore } from "./cache-store.ts";
import type { OutgoingRequest } from "./message.ts";

export interface ResponseCaches {
  of(tenant: string): ResponseCache;
}

export interface ResponseCache {
  /** What to send a request by: the pool itself, or the cache in front of it. */
  inFrontOf(pool: Pool, request: OutgoingRequest): Dispatcher;
}

type Key = Parameters<ResponseStore["get"]>[0];

const CREDENTIALS = /^cookie$|token|secret|password|api-?key/i;

/** @param maxBytes of all tenants' answers together */
export function responseCaches(maxBytes: number): ResponseCaches {
  const shared = responseStore(maxBytes);
  return {
    of(tenant) {
      const intercept = interceptors.cache({
        store: ofTenant(shared, tenant),
        methods: ["GET", "HEAD"],
        type: "shared",
      });
      const composed = new WeakMap<Pool, Dispatcher>();
      let used = false;
      return {
        inFrontOf(pool, request) {
          if (asksForCache(request)) used = true;
          // An unsafe request makes stored answers invalid (RFC 9111 section 4.4).
          else if (!used || isRead(request)) return pool;
          const cached = composed.get(pool) ?? pool.compose(intercept);
          composed.set(pool, cached);
          return cached;
        },
      };
    },
  };
}

function isRead({ method }: OutgoingRequest): boolean {
  return method === "GET" || method === "HEAD";
}

function asksForCache(request: OutgoingRequest): boolean {
  const { headers } = request;
  const control = headers["cache-control"];
  if (control === undefined || !isRead(request)) return false;
  return !Object.keys(headers).some((name) => CREDENTIALS.test(name));
}

/** The shared store under keys that hold the tenant, which no origin can contain. */
function ofTenant(store: ResponseStore, tenant: string): ResponseStore {
  const own = (key: Key): Key => ({ ...key, origin: `${tenant}\n${key.origin}` });
  return {
    get: (key) => store.get(own(key)),
    createWriteStream: (key, value) => store.createWriteStream(own(key), value),
    delete: (key) => store.delete(own(key)),
  };
}
