/**
 * What a definition is built with and does not hold itself: functions called by URL or from a catalog, and schemas under
 * `resource`. The host finds them when a workflow is applied (or, for `millrace run`, when it starts) and gives them to
 * `load`; they are kept with the version, so that what is found later changes nothing.
 */
import type { Json } from "./json.ts";
import type { Template } from "./program.ts";

/** Contents by the `id` of what was asked for. */
export type Resources = Readonly<Record<string, Json>>;

/** Something outside that a definition needs. */
export interface ExternalResource {
  /** `function log:1.0.0@global`, `schema https://…`: unique in a definition, and what messages call it. */
  readonly id: string;
  readonly kind: "function" | "schema";
  readonly from: ExternalPlace;
  /** How many functions from outside this one is inside of: 0 when the definition itself names it. */
  readonly depth: number;
}

export type ExternalPlace =
  | { readonly kind: "url"; readonly endpoint: FixedEndpoint }
  /** A function of a catalog; `endpoint` is its root. */
  | ({ readonly kind: "catalog"; readonly endpoint: FixedEndpoint } & NamedFunction)
  /** A function of the host's own catalog. */
  | ({ readonly kind: "default" } & NamedFunction);

/** An endpoint that is the same for every instance. */
export interface FixedEndpoint {
  /** Starts with `http:` or `https:`. */
  readonly url: string;
  /** A policy whose expressions may read `$secrets` and nothing else. */
  readonly authentication?: Template;
}

export interface NamedFunction {
  readonly name: string;
  readonly version: string;
}

export interface FunctionName extends NamedFunction {
  readonly catalog: string;
}

const CATALOGUED = /^([^:@/\s]+):([^:@/\s]+)@([^:@/\s]+)$/;

/** Reads `name:version@catalog` (DSL "Using Cataloged Functions"). */
export function parseFunctionName(text: string): FunctionName | undefined {
  const [, name, version, catalog] = CATALOGUED.exec(text) ?? [];
  if (name === undefined || version === undefined || catalog === undefined) return undefined;
  return { name, version, catalog };
}
