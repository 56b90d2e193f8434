/** AsyncAPI documents, 2.x and 3.x, among documents. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { type LocatedObject, Resolver, type ResolverConfig } from "../documents/resolver.ts";
import { ActivityFailure } from "../failure.ts";

export interface AsyncApiDocument {
  readonly version: 2 | 3;
  readonly resolver: Resolver;
  readonly root: LocatedObject;
  /** Content type of messages that name none. */
  readonly defaultContentType?: string;
}

/** @throws {ActivityFailure} `configuration` when it is no AsyncAPI document of a known version */
export function asyncApiDocument(config: ResolverConfig): AsyncApiDocument {
  const { root: document } = config;
  const { root: node, name } = document;
  const text = isObject(node) ? node["asyncapi"] : undefined;
  const version = typeof text === "string" ? /^([23])\.\d+(\.|$)/.exec(text)?.[1] : undefined;
  if (!isObject(node) || version === undefined)
    throw new ActivityFailure("configuration", `${name} is not an AsyncAPI 2 or 3 document`);
  const contentType = node["defaultContentType"];
  return {
    version: version === "2" ? 2 : 3,
    resolver: new Resolver(config),
    root: { node, document },
    ...(typeof contentType === "string" ? { defaultContentType: contentType } : {}),
  };
}

/** A `configuration` error of the document. @param problem goes on after "The AsyncAPI document" */
export function badDocument(problem: string): ActivityFailure {
  return new ActivityFailure("configuration", `The AsyncAPI document ${problem}.`);
}

export function namesOf(node: Json | undefined): readonly string[] {
  return isObject(node) ? Object.keys(node) : [];
}

/** ` It has a, b.`, for errors: at most ten of them. */
export function listed(names: readonly string[]): string {
  if (names.length === 0) return "";
  const shown = names.slice(0, 10).map((name) => JSON.stringify(name));
  return ` (it has ${shown.join(", ")}${names.length > shown.length ? ", …" : ""})`;
}

/** The object under each key of an object that is in no need of being one. */
export function objectAt(node: JsonObject, key: string): JsonObject {
  const value = Object.hasOwn(node, key) ? node[key] : undefined;
  return isObject(value) ? value : {};
}
