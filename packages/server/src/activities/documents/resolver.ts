/**
 * Follows `$ref`s inside a document and into others over http(s). Nothing is copied and nothing is followed before it is asked
 * for, so documents that refer to each other in circles are no trouble until somebody walks the circle. What one activity may
 * fetch is bounded by count and bytes.
 */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { ActivityFailure } from "../failure.ts";
import { atPointer, MAX_HOPS, unresolved } from "./reference.ts";
import type { FetchedDocument } from "./source.ts";

/** A value and the document it stands in, which its references are relative to. */
export interface Located {
  readonly node: Json;
  readonly document: FetchedDocument;
}

export interface LocatedObject extends Located {
  readonly node: JsonObject;
}

export interface ResolverLimits {
  /** Documents beside the first. */
  readonly maxDocuments: number;
  /** Bytes of source text of all of them. */
  readonly maxBytes: number;
}

export interface ResolverConfig {
  readonly root: FetchedDocument;
  /** Gets another document, through the egress boundary. */
  readonly fetch: (url: URL) => Promise<FetchedDocument>;
  readonly limits?: Partial<ResolverLimits>;
}

export const DEFAULT_RESOLVER_LIMITS: ResolverLimits = {
  maxDocuments: 32,
  maxBytes: 32 * 1024 * 1024,
};

/** Everything that refers to something throws {@link ActivityFailure} `configuration` when that cannot be had. */
export class Resolver {
  readonly root: FetchedDocument;
  readonly #fetch: (url: URL) => Promise<FetchedDocument>;
  readonly #limits: ResolverLimits;
  readonly #documents = new Map<string, Promise<FetchedDocument>>();
  #bytes: number;

  constructor({ root, fetch, limits }: ResolverConfig) {
    this.root = root;
    this.#fetch = fetch;
    this.#limits = { ...DEFAULT_RESOLVER_LIMITS, ...limits };
    this.#bytes = root.size;
    this.#documents.set(withoutFragment(root.url).href, Promise.resolve(root));
  }

  /** What the path of own properties leads to, with every reference on the way followed; undefined when there is nothing. */
  async find(from: Located, ...path: readonly string[]): Promise<Located | undefined> {
    let current = await this.resolve(from);
    for (const key of path) {
      const { node, document }: Located = current;
      if (!isObject(node) || !Object.hasOwn(node, key)) return undefined;
      current = await this.resolve({ node: node[key] ?? null, document });
    }
    return current;
  }

  /** As {@link find}, for objects; undefined also for what is none. */
  async object(from: Located, ...path: readonly string[]): Promise<LocatedObject | undefined> {
    const found = await this.find(from, ...path);
    return found !== undefined && isObject(found.node)
      ? { node: found.node, document: found.document }
      : undefined;
  }

  /** What stands there, or what it refers to, through several references if need be. */
  async resolve(located: Located): Promise<Located> {
    let current = located;
    for (let hops = 0; hops < MAX_HOPS; hops += 1) {
      const reference: Json | undefined = isObject(current.node) ? current.node["$ref"] : undefined;
      if (typeof reference !== "string") return current;
      current = await this.follow(reference, current.document);
    }
    throw unresolved("a reference that leads to itself");
  }

  /** One reference, to what may itself be a reference. */
  async follow(reference: string, from: FetchedDocument): Promise<Located> {
    const hash = reference.indexOf("#");
    const place = hash < 0 ? reference : reference.slice(0, hash);
    const pointer = hash < 0 ? "" : reference.slice(hash + 1);
    const document = place === "" ? from : await this.#other(place, from);
    if (pointer !== "" && !pointer.startsWith("/"))
      throw unresolved(`${reference}, which is no JSON Pointer`);
    return { node: atPointer(document.root, pointer, reference), document };
  }

  async #other(place: string, from: FetchedDocument): Promise<FetchedDocument> {
    const url = URL.canParse(place, from.url.href) ? new URL(place, from.url) : undefined;
    if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "")
      throw unresolved(`${place}, which is no document over http or https`);
    const key = withoutFragment(url).href;
    let pending = this.#documents.get(key);
    if (pending === undefined) {
      if (this.#documents.size > this.#limits.maxDocuments)
        throw unresolved(`more than ${this.#limits.maxDocuments} other documents`);
      pending = this.#load(url);
      this.#documents.set(key, pending);
    }
    return pending;
  }

  async #load(url: URL): Promise<FetchedDocument> {
    const document = await this.#fetch(url);
    this.#bytes += document.size;
    if (this.#bytes > this.#limits.maxBytes) {
      const detail = `The document and those it refers to are larger than ${this.#limits.maxBytes} bytes.`;
      throw new ActivityFailure("configuration", detail);
    }
    return document;
  }
}

function withoutFragment(url: URL): URL {
  const bare = new URL(url);
  bare.hash = "";
  return bare;
}
