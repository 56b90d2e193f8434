/**
 * Who may call. With API keys set, every route but the probes needs one. Without any, the server listens on loopback
 * only (see `checkExposure`), and two checks keep web pages that the same machine's browser shows away from it: the
 * `Host` header must name this machine (else a foreign name was rebound to 127.0.0.1), and a request that a page of
 * another origin sent is refused (else any page could post a workflow).
 */
import { hash, timingSafeEqual } from "node:crypto";
import { ProblemError } from "@millrace/protocol";
import type { FastifyRequest } from "fastify";
import type { Config } from "../config.ts";

/** Reachable without a key: orchestrators and load balancers have none. */
const OPEN_ROUTES: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/readyz/messages"]);

export type AccessConfig = Pick<Config, "apiKeys" | "allowedHosts" | "host" | "origins">;

/** @returns a check that throws `unauthorized`, `misdirected-request` or `origin-refused` */
export function accessCheck(config: AccessConfig): (request: FastifyRequest) => void {
  const check = config.apiKeys.length > 0 ? keyCheck(config.apiKeys) : localCheck(config);
  return (request) => {
    requireHost(request);
    check(request);
  };
}

/** RFC 9112 section 3.2. Node.js would refuse it as well, without a word of why. */
function requireHost(request: FastifyRequest): void {
  if (request.headers.host !== undefined || request.raw.httpVersion !== "1.1") return;
  throw new ProblemError("invalid-request", { detail: "there is no Host header" });
}

function keyCheck(apiKeys: readonly string[]): (request: FastifyRequest) => void {
  const accepted = apiKeys.map(digest);
  return (request) => {
    const key = presentedKey(request);
    if (key === undefined) return refuse(request, "no API key was sent");
    // Digests have one length, and every key is compared: the time taken tells nothing about any of them.
    const presented = digest(key);
    let matches = 0;
    for (const candidate of accepted) matches += timingSafeEqual(candidate, presented) ? 1 : 0;
    if (matches === 0) refuse(request, "the API key is not known");
  };
}

/** Looked at last: the framework makes an object of a route's options each time it is asked. */
function refuse(request: FastifyRequest, detail: string): void {
  if (OPEN_ROUTES.has(request.routeOptions.url ?? "")) return;
  throw new ProblemError("unauthorized", { detail });
}

function digest(key: string): Buffer {
  return hash("sha256", key, "buffer");
}

function presentedKey(request: FastifyRequest): string | undefined {
  const own = request.headers["x-api-key"];
  if (typeof own === "string") return own;
  return /^bearer +([^ ]+) *$/i.exec(request.headers.authorization ?? "")?.[1];
}

function localCheck(config: AccessConfig): (request: FastifyRequest) => void {
  const hosts = new Set(["localhost", "127.0.0.1", "[::1]"]);
  for (const name of [config.host, ...config.allowedHosts]) hosts.add(hostName(name.toLowerCase()));
  return (request) => {
    const host = request.headers.host ?? "";
    if (!hosts.has(hostName(host.toLowerCase()))) {
      throw new ProblemError("misdirected-request", { detail: `Host: ${host}` });
    }
    const { origin } = request.headers;
    if (origin === undefined || config.origins.includes(origin)) return;
    if (!hosts.has(originHost(origin))) {
      throw new ProblemError("origin-refused", { detail: `Origin: ${origin}` });
    }
  };
}

/** Without the port; IPv6 addresses in brackets. */
function hostName(host: string): string {
  if (host.startsWith("[")) return host.slice(0, host.indexOf("]") + 1);
  const colon = host.indexOf(":");
  if (colon === -1) return host;
  return host.includes(":", colon + 1) ? `[${host}]` : host.slice(0, colon);
}

/** Empty for `null`, which sandboxed pages and files send. */
function originHost(origin: string): string {
  return URL.canParse(origin) ? new URL(origin).hostname.toLowerCase() : "";
}
