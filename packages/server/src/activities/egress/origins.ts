/**
 * Origin overrides, for tests and air-gapped mirrors: connections to one origin go to another
 * (`https://petstore.swagger.io` → `http://127.0.0.1:4010`, `mqtt://broker.example:1883` → `mqtt://127.0.0.1:41883`).
 * Requests, their `Host` header and what workflows see keep the original. The target is the operator's word, so the egress
 * policy is not asked about it.
 */
export interface OriginOverrides {
  /** For an HTTP origin. */
  get(origin: string): URL | undefined;
  /** For a connection to a host and port, whatever is spoken there; `protocol` with its colon. */
  of(
    protocol: string,
    host: string,
    port: number,
  ): { readonly host: string; readonly port: number } | undefined;
}

/** @throws {RangeError} naming what is not an origin: a scheme, a host and, but for http and https, a port */
export function parseOrigins(origins: Readonly<Record<string, string>>): OriginOverrides {
  const pairs = Object.entries(origins).map(([from, to]) => [parse(from), parse(to)] as const);
  const http = new Map(pairs.map(([from, to]) => [from.origin, to]));
  const byPlace = new Map(pairs.map(([from, to]) => [placeOf(from), to]));
  return {
    get: (origin) => http.get(origin),
    of: (protocol, host, port) => {
      const to = byPlace.get(`${protocol}//${host.toLowerCase()}:${port}`);
      return to && { host: unbracket(to.hostname), port: portOf(to) };
    },
  };
}

function parse(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const bare = url !== undefined && url.hostname !== "" && /^\/?$/.test(url.pathname);
  if (!bare || (url.port === "" && !isHttp(url)))
    throw new RangeError(`not an origin (scheme://host:port): ${text}`);
  return url;
}

function isHttp({ protocol }: URL): boolean {
  return protocol === "http:" || protocol === "https:";
}

function portOf({ protocol, port }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}

function placeOf(url: URL): string {
  return `${url.protocol}//${unbracket(url.hostname).toLowerCase()}:${portOf(url)}`;
}

export function unbracket(hostname: string): string {
  return hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
}
