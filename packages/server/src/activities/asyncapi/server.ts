/** Which of the document's servers a call goes to, and where that is (AsyncAPI "Server Object"). */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { badArgument, isScalar } from "../arguments.ts";
import type { LocatedObject } from "../documents/resolver.ts";
import { unbracket } from "../egress/origins.ts";
import { ActivityFailure } from "../failure.ts";
import { type AsyncApiDocument, badDocument, listed, namesOf } from "./document.ts";
import type { Operation } from "./operation.ts";
import type { ProtocolTarget } from "./protocol.ts";
import { type ProtocolEntry, protocolEntry, protocols } from "./protocols.ts";

export interface ServerRequest {
  readonly name?: string;
  readonly variables: JsonObject;
  /** What the DSL calls `protocol`. */
  readonly protocol?: string;
}

export interface SelectedServer {
  readonly object: LocatedObject;
  readonly entry: ProtocolEntry;
  readonly place: Pick<
    ProtocolTarget,
    "protocol" | "protocolVersion" | "secure" | "host" | "port" | "pathname"
  >;
}

/**
 * The named server; else the first, in the document's order, that the channel allows, that speaks the protocol asked for, and
 * that can be spoken to.
 * @throws {ActivityFailure} `configuration`; `runtime` with 501 for a protocol that is not spoken
 */
export async function selectServer(
  document: AsyncApiDocument,
  operation: Operation,
  request: ServerRequest,
): Promise<SelectedServer> {
  const { resolver, root } = document;
  const names = namesOf(root.node["servers"]);
  if (request.name !== undefined && !names.includes(request.name)) {
    const detail = `the document has no server ${JSON.stringify(request.name)}${listed(names)}`;
    throw badArgument("server.name", detail);
  }
  const allowed = await allowedServers(document, operation);
  const unspoken: string[] = [];
  for (const name of request.name === undefined ? names : [request.name]) {
    const object = await resolver.object(root, "servers", name);
    if (object === undefined || !(allowed?.(name, object) ?? true)) continue;
    const protocol = protocolOf(object);
    const entry = protocolEntry(protocol);
    if (!speaks(request.protocol, protocol, entry, object)) continue;
    if (entry === undefined) unspoken.push(protocol);
    else return { object, entry, place: placeOf(document, object, protocol, entry, request) };
  }
  throw noServer(request, unspoken);
}

/** Undefined when the channel is on every server. */
async function allowedServers(
  { resolver, version }: AsyncApiDocument,
  { channel }: Operation,
): Promise<((name: string, object: LocatedObject) => boolean) | undefined> {
  const list = channel.node["servers"];
  if (!Array.isArray(list) || list.length === 0) return undefined;
  if (version === 2) return (name) => list.includes(name);
  const objects = new Set<Json>();
  for (const node of list) {
    const found = await resolver.object({ node: node as Json, document: channel.document });
    if (found !== undefined) objects.add(found.node);
  }
  return (_, object) => objects.has(object.node);
}

function protocolOf({ node }: LocatedObject): string {
  const { protocol } = node;
  if (typeof protocol === "string") return protocol.toLowerCase();
  throw badDocument("has a server without a protocol");
}

function speaks(
  wanted: string | undefined,
  protocol: string,
  entry: ProtocolEntry | undefined,
  { node }: LocatedObject,
): boolean {
  if (wanted === undefined || wanted === protocol || wanted === entry?.family) return true;
  const version = node["protocolVersion"];
  const text = isScalar(version) ? String(version) : "";
  return wanted === "mqtt5" && entry?.family === "mqtt" && text.startsWith("5");
}

function noServer({ name, protocol }: ServerRequest, unspoken: readonly string[]): ActivityFailure {
  const [first] = unspoken;
  if (first !== undefined) {
    const known = Object.keys(protocols).join(", ");
    const detail = `call: asyncapi over ${first} is not supported by this version of Millrace (it speaks ${known})`;
    return new ActivityFailure("runtime", detail, { status: 501 });
  }
  const which = name === undefined ? "no server" : `server ${JSON.stringify(name)}, but not`;
  const how = protocol === undefined ? "" : ` over ${protocol}`;
  return badDocument(`has ${which} for this channel${how}`);
}

function placeOf(
  { version }: AsyncApiDocument,
  { node }: LocatedObject,
  protocol: string,
  entry: ProtocolEntry,
  request: ServerRequest,
): SelectedServer["place"] {
  const fill = (text: string): string => substitute(text, node["variables"], request.variables);
  const protocolVersion = node["protocolVersion"];
  const key = version === 3 ? "host" : "url";
  const text = node[key];
  if (typeof text !== "string") throw badDocument(`has a server without ${key}`);
  const parsed = parsePlace(fill(text));
  const pathname =
    version === 3 && typeof node["pathname"] === "string"
      ? fill(node["pathname"])
      : parsed.pathname;
  if (/[?#\\\s]/.test(pathname)) throw badDocument("has a server whose path cannot be used");
  return {
    protocol,
    ...(isScalar(protocolVersion) ? { protocolVersion: String(protocolVersion) } : {}),
    secure: entry.secure,
    host: parsed.host,
    port: parsed.port ?? entry.defaultPort,
    pathname: pathname === "" || pathname.startsWith("/") ? pathname : `/${pathname}`,
  };
}

/** `[scheme://]host[:port][/path]`. A scheme says nothing that `protocol` does not. */
function parsePlace(text: string): { host: string; port?: number; pathname: string } {
  const match = /^(?:[a-z][a-z0-9+.-]*:\/\/)?([^/]*)(\/.*)?$/i.exec(text);
  const authority = match?.[1] ?? "";
  const url = URL.canParse(`http://${authority}`) ? new URL(`http://${authority}`) : undefined;
  const whole = url !== undefined && url.pathname === "/" && url.search === "" && url.hash === "";
  if (!whole || authority.includes("@") || authority.includes("\\"))
    throw badDocument("has a server whose host and port cannot be used");
  // The parser drops port 80, which is no default of other protocols.
  const port = /:(\d+)$/.exec(authority)?.[1];
  return {
    host: unbracket(url.hostname),
    ...(port === undefined ? {} : { port: Number(port) }),
    pathname: match?.[2] ?? "",
  };
}

function substitute(text: string, declared: Json | undefined, given: JsonObject): string {
  return text.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const variable =
      isObject(declared) && Object.hasOwn(declared, name) ? declared[name] : undefined;
    const value = valueOf(name, isObject(variable) ? variable : {}, given, "server.variables");
    if (value === undefined)
      throw badArgument(`server.variables.${name}`, "required: the document has no default");
    // What the document's author wrote may be a whole path; what data gives must not lead to another host.
    if (
      Object.hasOwn(given, name) &&
      (!/^[A-Za-z0-9._~-]+$/.test(value) || /^\.{1,2}$/.test(value))
    )
      throw badArgument(`server.variables.${name}`, "may hold letters, digits, and - . _ ~ only");
    return value;
  });
}

/**
 * The value given for a variable, or its default; undefined when there is neither.
 * @throws {ActivityFailure} `configuration` when it is none of those that the document lists
 */
export function valueOf(
  name: string,
  variable: JsonObject,
  given: JsonObject,
  path: string,
): string | undefined {
  const value = Object.hasOwn(given, name) ? given[name] : variable["default"];
  if (value === undefined || value === null) return undefined;
  if (!isScalar(value)) throw badArgument(`${path}.${name}`, "must be a string");
  const text = String(value);
  const allowed = variable["enum"];
  if (Array.isArray(allowed) && allowed.length > 0 && !allowed.map(String).includes(text)) {
    throw badArgument(`${path}.${name}`, `must be one of ${allowed.map(String).join(", ")}`);
  }
  return text;
}
