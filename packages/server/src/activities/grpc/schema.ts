/** What a set of proto documents declares, as plain data: it crosses from the thread that parses them (parse-worker.ts). */

export type ScalarKind =
  | "double"
  | "float"
  | "int32"
  | "uint32"
  | "sint32"
  | "fixed32"
  | "sfixed32"
  | "int64"
  | "uint64"
  | "sint64"
  | "fixed64"
  | "sfixed64"
  | "bool"
  | "string"
  | "bytes";

/** What one value of a field is. `name` is the full name of a message or an enum, without a leading dot. */
export type ValueShape =
  | { readonly kind: ScalarKind }
  | { readonly kind: "enum"; readonly name: string }
  | { readonly kind: "message"; readonly name: string; readonly delimited: boolean };

export interface FieldShape {
  /** As the document writes it. */
  readonly name: string;
  /** As JSON writes it (ProtoJSON): lowerCamelCase, or the option `json_name`. */
  readonly jsonName: string;
  readonly number: number;
  readonly value: ValueShape;
  /** Given for a map: the kind of its keys. */
  readonly key?: ScalarKind;
  readonly repeated: boolean;
  readonly packed: boolean;
  /** True when "absent" and "zero" are different things: `optional`, `oneof`, messages, proto2. */
  readonly presence: boolean;
  readonly required: boolean;
  /** The `oneof` it belongs to; not the one that `optional` implies. */
  readonly oneof?: string;
}

export interface MessageShape {
  readonly name: string;
  readonly fields: readonly FieldShape[];
}

export interface EnumShape {
  readonly name: string;
  /** In declared order; several names may share a number. */
  readonly values: readonly (readonly [name: string, number: number])[];
}

export interface MethodShape {
  readonly name: string;
  readonly requestType: string;
  readonly responseType: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
}

export interface ServiceShape {
  readonly name: string;
  readonly methods: readonly MethodShape[];
}

export interface SchemaShape {
  readonly messages: readonly MessageShape[];
  readonly enums: readonly EnumShape[];
  readonly services: readonly ServiceShape[];
}

/** A message type with its fields found by name and by number. */
export interface MessageType {
  readonly name: string;
  readonly fields: readonly FieldShape[];
  /** By the document's name and by the JSON name. */
  readonly byName: ReadonlyMap<string, FieldShape>;
  readonly byNumber: ReadonlyMap<number, FieldShape>;
}

export interface EnumType {
  readonly name: string;
  readonly numbers: ReadonlyMap<string, number>;
  /** The first declared name of each number. */
  readonly names: ReadonlyMap<number, string>;
  /** Of the value that is the default: the first declared. */
  readonly first: number;
}

/** Looks types up; indexes each one with its first use. */
export class Schema {
  readonly services: ReadonlyMap<string, ServiceShape>;
  readonly #messages: ReadonlyMap<string, MessageShape>;
  readonly #enums: ReadonlyMap<string, EnumShape>;
  readonly #messageTypes = new Map<string, MessageType>();
  readonly #enumTypes = new Map<string, EnumType>();

  constructor(shape: SchemaShape) {
    this.services = new Map(shape.services.map((service) => [service.name, service]));
    this.#messages = new Map(shape.messages.map((message) => [message.name, message]));
    this.#enums = new Map(shape.enums.map((one) => [one.name, one]));
  }

  findMessage(name: string): MessageType | undefined {
    const known = this.#messageTypes.get(name);
    if (known !== undefined) return known;
    const shape = this.#messages.get(name);
    if (shape === undefined) return undefined;
    const type: MessageType = {
      name,
      fields: shape.fields,
      byName: new Map([
        ...shape.fields.map((field) => [field.name, field] as const),
        ...shape.fields.map((field) => [field.jsonName, field] as const),
      ]),
      byNumber: new Map(shape.fields.map((field) => [field.number, field])),
    };
    this.#messageTypes.set(name, type);
    return type;
  }

  message(name: string): MessageType {
    const type = this.findMessage(name);
    if (type === undefined) throw new Error(`the schema refers to ${name} and does not hold it`);
    return type;
  }

  enumeration(name: string): EnumType {
    const known = this.#enumTypes.get(name);
    if (known !== undefined) return known;
    const shape = this.#enums.get(name);
    if (shape === undefined) throw new Error(`the schema refers to ${name} and does not hold it`);
    const type: EnumType = {
      name,
      numbers: new Map(shape.values),
      names: new Map(shape.values.toReversed().map(([value, number]) => [number, value])),
      first: shape.values[0]?.[1] ?? 0,
    };
    this.#enumTypes.set(name, type);
    return type;
  }
}
