/**
 * The vocabulary in which the DSL's types are written once.
 *
 * A `Type<T>` is plain data that three readers share: TypeScript takes `Static<typeof x>` from it, the structural
 * validator walks it, and the editor's JSON Schema is printed from it. Unions say how to tell their members apart (by a
 * key, by a tag, by the JSON type), so an error is reported against the member that was meant.
 */

declare const staticType: unique symbol;

/** A type of the language; `T` exists for the compiler only. */
export type Type<T> = Shape & { readonly [staticType]?: T };

/** The TypeScript type that a `Type` describes. */
export type Static<X> = X extends Type<infer T> ? T : never;

export type Shape =
  | { readonly kind: "any" }
  | { readonly kind: "boolean" }
  | { readonly kind: "integer"; readonly minimum?: number; readonly maximum?: number }
  | StringShape
  | { readonly kind: "array"; readonly items: Shape; readonly minItems?: number }
  | MapShape
  | ObjectShape
  | KeyedShape
  | TaggedShape
  | { readonly kind: "either"; readonly options: readonly Shape[]; readonly expected: string }
  | { readonly kind: "named"; readonly name: string; readonly target: () => Shape }
  | { readonly kind: "documented"; readonly text: string; readonly of: Shape };

export interface StringShape extends StringOptions {
  readonly kind: "string";
}
export interface StringOptions {
  readonly pattern?: string;
  readonly format?: "uri-template" | "uri-reference" | "date-time" | "json-pointer";
  readonly values?: readonly string[];
  readonly not?: readonly string[];
  readonly minLength?: number;
  /** What a right value looks like, for people. */
  readonly expected?: string;
}
/** An object whose property names are the user's. */
export interface MapShape {
  readonly kind: "map";
  readonly values: Shape;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  /** What one entry is called in messages. */
  readonly entry?: string;
}
export interface ObjectShape {
  readonly kind: "object";
  readonly properties: Readonly<Record<string, Shape>>;
  readonly required: readonly string[];
  /** Unknown properties are allowed. */
  readonly open: boolean;
  readonly minProperties: number;
  readonly rules: readonly Rule[];
}
/** Conditions between the properties of one object. */
export type Rule =
  | { readonly kind: "one-of"; readonly keys: readonly string[] }
  | { readonly kind: "needs"; readonly key: string; readonly other: string }
  | {
      readonly kind: "only-when";
      readonly key: string;
      readonly tag: string;
      readonly value: string;
    };

/** Exactly one member matches, and the member's key says which one was meant. */
export interface KeyedShape {
  readonly kind: "keyed";
  readonly what: string;
  readonly members: readonly { readonly key: string; readonly of: ObjectShape | TaggedShape }[];
}
/** The value of `tag` says which member is meant. */
export interface TaggedShape {
  readonly kind: "tagged";
  readonly tag: string;
  readonly members: Readonly<Record<string, ObjectShape>>;
  readonly otherwise: ObjectShape;
}

type Props = Readonly<Record<string, Shape>>;
type Flatten<T> = { readonly [K in keyof T]: T[K] };
type ObjectStatic<M extends Props, O extends Props> = Flatten<
  { readonly [K in keyof M]: Static<M[K]> } & { readonly [K in keyof O]?: Static<O[K]> }
>;

export const anything = (): Type<unknown> => ({ kind: "any" });
export const boolean = (): Type<boolean> => ({ kind: "boolean" });
export const integer = (limits: { minimum?: number; maximum?: number } = {}): Type<number> => ({
  kind: "integer",
  ...limits,
});
export const string = (options: StringOptions = {}): Type<string> & StringShape => ({
  kind: "string",
  ...options,
});
export const oneOf = <const V extends readonly string[]>(...values: V): Type<V[number]> => ({
  kind: "string",
  values,
});
export const array = <T>(
  items: Type<T>,
  options: { minItems?: number } = {},
): Type<readonly T[]> => ({
  kind: "array",
  items,
  ...options,
});
export const map = <T>(
  values: Type<T>,
  options: { minProperties?: number; maxProperties?: number; entry?: string } = {},
): Type<Readonly<Record<string, T>>> => ({ kind: "map", values, ...options });

/** `must`: required properties, `may`: optional ones; closed to others unless `open`. */
export function object<const M extends Props, const O extends Props>(of: {
  must?: M;
  may?: O;
  open?: boolean;
  minProperties?: number;
  rules?: readonly Rule[];
}): Type<ObjectStatic<M, O>> & ObjectShape {
  return {
    kind: "object",
    properties: { ...of.must, ...of.may },
    required: Object.keys(of.must ?? {}),
    open: of.open ?? false,
    minProperties: of.minProperties ?? 0,
    rules: of.rules ?? [],
  };
}

export const keyed = <const M extends Readonly<Record<string, ObjectShape | TaggedShape>>>(
  what: string,
  members: M,
): Type<Static<M[keyof M]>> & KeyedShape => ({
  kind: "keyed",
  what,
  members: Object.entries(members).map(([key, of]) => ({ key, of })),
});

export const tagged = <
  const M extends Readonly<Record<string, ObjectShape>>,
  const O extends ObjectShape,
>(
  tag: string,
  members: M,
  otherwise: O,
): Type<Static<M[keyof M]> | Static<O>> & TaggedShape => ({
  kind: "tagged",
  tag,
  members,
  otherwise,
});

/** A union told apart by JSON type; string members by their patterns. */
export const either = <const S extends readonly Shape[]>(
  expected: string,
  ...options: S
): Type<Static<S[number]>> => ({ kind: "either", options, expected });

/** A reference, which is how recursion is written; printed under `$defs`. */
export const named = <T>(name: string, target: () => Type<T>): Type<T> => ({
  kind: "named",
  name,
  target,
});

/** Adds the description an editor shows. */
export const documented = <S extends Shape>(text: string, of: S): Type<Static<S>> => ({
  kind: "documented",
  text,
  of,
});
