/**
 * Origin overrides, for tests and air-gapped mirrors: connections to one origin go to another
 * (`https://petstore.swagger.io` → `http://127.0.0.1:4010`). Requests, their `Host` header and what workflows see keep the
 * original. The target is the operator's word, so the egress policy is not asked about it.
 */
export type OriginOverrides = ReadonlyMap<string, URL>;

/** @throws {RangeError} naming what is not an origin */
export function parseOrigins(origins: Readonly<Record<string, string>>): OriginOverrides {
  const parse = (text: string): URL => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.pathname !== "/") {
      throw new RangeError(`not an http or https origin: ${text}`);
    }
    return url;
  };
  return new Map(Object.entries(origins).map(([from, to]) => [parse(from).origin, parse(to)]));
}
