/** What one activity may cost. Durations in milliseconds, sizes in bytes. */
export interface HttpLimits {
  /** Longest response as it comes over the wire, and after decompression. */
  readonly maxResponseBytes: number;
  readonly maxContentBytes: number;
  /** Deepest nesting of a JSON response. */
  readonly maxJsonDepth: number;
  readonly maxRedirects: number;
  /** Name resolution, TCP and TLS. */
  readonly connectTimeout: number;
  /** From the request sent to its answer's headers, and between two pieces of the body (resolution: about 1 s). */
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  /** All requests of one activity together: token, challenge, redirects. The activity's own deadline may be nearer. */
  readonly totalTimeout: number;
  /** Connections kept per origin; further requests wait for one. */
  readonly connectionsPerOrigin: number;
  /** Origins, of all tenants together, that connections are kept to; an idle pool makes room for a new one. */
  readonly maxPools: number;
  /** Responses kept in the HTTP cache, of all tenants together. */
  readonly maxCacheBytes: number;
}

const MiB = 1024 * 1024;

export const DEFAULT_LIMITS: HttpLimits = {
  maxResponseBytes: 10 * MiB,
  maxContentBytes: 10 * MiB,
  maxJsonDepth: 512,
  maxRedirects: 5,
  connectTimeout: 10_000,
  headersTimeout: 60_000,
  bodyTimeout: 60_000,
  totalTimeout: 300_000,
  connectionsPerOrigin: 64,
  maxPools: 1_024,
  maxCacheBytes: 64 * MiB,
};
