/**
 * A thread that parses proto documents and ends. The parser (protobufjs) is quadratic in the fields of a message, so what a
 * stranger wrote is parsed where it can be stopped (parse.ts), and only plain data comes back.
 */
import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import protobuf, {
  type Enum,
  type Field,
  type INamespace,
  type Namespace,
  type Service,
  type Type,
} from "protobufjs";
import type {
  EnumShape,
  FieldShape,
  MessageShape,
  ScalarKind,
  SchemaShape,
  ServiceShape,
  ValueShape,
} from "./schema.ts";

export interface ParseTask {
  readonly files: readonly { readonly name: string; readonly text: string }[];
  /** Names of built-in documents (built-in.ts) that they import. */
  readonly builtIn: readonly string[];
  /** Messages, fields, enums and their values, services and methods, together. */
  readonly maxDeclarations: number;
  /** Characters of a full name. */
  readonly maxNameLength: number;
}

export type ParseOutcome = { readonly schema: SchemaShape } | { readonly fault: string };

// Messages are read by decode.ts: there is no need for classes, which protobufjs would make from source text.
protobuf.Type.generateConstructor = () => () => function Unused() {};

class Collector {
  readonly messages: MessageShape[] = [];
  readonly enums: EnumShape[] = [];
  readonly services: ServiceShape[] = [];
  readonly #task: ParseTask;
  #declarations = 0;

  constructor(task: ParseTask) {
    this.#task = task;
  }

  namespace(namespace: Namespace): void {
    for (const nested of namespace.nestedArray) {
      if (nested instanceof protobuf.Type) this.#message(nested);
      else if (nested instanceof protobuf.Enum) this.#enumeration(nested);
      else if (nested instanceof protobuf.Service) this.#service(nested);
      if (nested instanceof protobuf.Namespace) this.namespace(nested);
    }
  }

  #message(type: Type): void {
    const own = type.fieldsArray.filter((field) => field.declaringField === null);
    const name = this.#declare(type.fullName, own.length);
    this.messages.push({ name, fields: own.map(fieldOf) });
  }

  #enumeration(type: Enum): void {
    const values = Object.entries(type.values);
    this.enums.push({ name: this.#declare(type.fullName, values.length), values });
  }

  #service(service: Service): void {
    const name = this.#declare(service.fullName, service.methodsArray.length);
    const methods = service.methodsArray.map((method) => {
      method.resolve();
      return {
        name: method.name,
        requestType: nameOf(method.resolvedRequestType),
        responseType: nameOf(method.resolvedResponseType),
        requestStream: method.requestStream === true,
        responseStream: method.responseStream === true,
      };
    });
    this.services.push({ name, methods });
  }

  /** Counts a declaration with its members and answers its name without the leading dot. */
  #declare(fullName: string, members: number): string {
    const { maxDeclarations, maxNameLength } = this.#task;
    this.#declarations += 1 + members;
    if (this.#declarations > maxDeclarations) {
      throw new Error(`more than ${maxDeclarations} messages, fields, values and methods`);
    }
    if (fullName.length > maxNameLength) {
      throw new Error(`a name of more than ${maxNameLength} characters`);
    }
    return fullName.slice(1);
  }
}

function fieldOf(field: Field): FieldShape {
  const jsonName: unknown = field.getOption("json_name");
  const synthetic = field.getOption("proto3_optional") === true;
  return {
    name: field.name,
    jsonName: typeof jsonName === "string" ? jsonName : lowerCamelCase(field.name),
    number: field.id,
    value: valueOf(field),
    ...(field instanceof protobuf.MapField ? { key: field.keyType as ScalarKind } : {}),
    repeated: field.repeated,
    packed: field.repeated && field.packed,
    presence: synthetic || tracksPresence(field),
    required: field.required,
    ...(field.partOf === null || synthetic ? {} : { oneof: field.partOf.name }),
  };
}

function tracksPresence(field: Field): boolean {
  if (field.repeated || field.map) return false;
  // Messages always do, which protobufjs says only of proto2's; and its getter may answer with an object.
  if (field.hasPresence) return true;
  return field.resolvedType instanceof protobuf.Type;
}

function valueOf(field: Field): ValueShape {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Enum) return { kind: "enum", name: nameOf(resolvedType) };
  if (resolvedType instanceof protobuf.Type) {
    return { kind: "message", name: nameOf(resolvedType), delimited: field.delimited };
  }
  return { kind: field.type as ScalarKind };
}

function nameOf(type: Type | Enum | null): string {
  if (type === null) throw new Error("a method without types");
  return type.fullName.slice(1);
}

/** As protoc derives JSON names: an underscore goes, and the letter after it becomes a capital. */
function lowerCamelCase(name: string): string {
  return name.replaceAll(/_+([a-zA-Z0-9]?)/g, (_, letter: string) => letter.toUpperCase());
}

function parse(task: ParseTask): SchemaShape {
  const root = new protobuf.Root();
  for (const name of task.builtIn) addMissing(root, builtIn(name).nested ?? {});
  for (const { name, text } of task.files) {
    try {
      protobuf.parse(text, root, { keepCase: true });
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
    }
  }
  root.resolveAll();
  const collector = new Collector(task);
  collector.namespace(root);
  const { messages, enums, services } = collector;
  return { messages, enums, services };
}

const require = createRequire(import.meta.url);

/** Stored documents hold what they import as well, so some types come twice. */
function addMissing(to: Namespace, nested: NonNullable<INamespace["nested"]>): void {
  for (const [name, json] of Object.entries(nested)) {
    const there = to.get(name);
    if (there === null) to.addJSON({ [name]: json });
    else if (there instanceof protobuf.Namespace) {
      addMissing(there, (json as INamespace).nested ?? {});
    }
  }
}

/** protobufjs holds some of them in its code, the others in files. */
function builtIn(name: string): INamespace {
  const stored = (): INamespace =>
    require(`protobufjs/${name.replace(/proto$/, "json")}`) as INamespace;
  return protobuf.common.get(name) ?? stored();
}

function outcome(): ParseOutcome {
  try {
    return { schema: parse(workerData as ParseTask) };
  } catch (error) {
    return { fault: (error as Error).message.slice(0, 300) };
  }
}

parentPort?.postMessage(outcome());
