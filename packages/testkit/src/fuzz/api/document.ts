/** The server's own OpenAPI document: its operations, and whether an answer is one that it describes. */
import type { JsonObject } from "@millrace/language";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

interface Media {
  readonly schema?: JsonObject;
}
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required?: boolean;
  readonly schema: JsonObject;
}
export interface Operation {
  readonly method: string;
  /** `/v1/instances/{id}`. */
  readonly path: string;
  readonly pattern: RegExp;
  readonly parameters: readonly Parameter[];
  /** Schemas of the body by media type. */
  readonly bodies: Readonly<Record<string, JsonObject>>;
  readonly responses: Readonly<Record<string, { content?: Readonly<Record<string, Media>> }>>;
}

type Raw = Pick<Operation, "responses"> & {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
};
interface RawDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Raw>>>>;
}

export class ApiDocument {
  readonly root: JsonObject;
  readonly operations: readonly Operation[];
  readonly #ajv = new Ajv2020({ strict: false });
  readonly #checks = new Map<string, ReturnType<Ajv2020["compile"]>>();

  constructor(root: JsonObject) {
    this.root = root;
    addFormats.default(this.#ajv);
    this.#ajv.addSchema(root, "api");
    const paths = Object.entries((root as unknown as RawDocument).paths);
    this.operations = paths
      .flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, raw]) => operation(path, method, raw)),
      )
      .toSorted((a, b) => (a.path + a.method < b.path + b.method ? -1 : 1));
  }

  /** The operation that a request meets; HEAD meets that of GET. */
  find(method: string, path: string): Operation | undefined {
    const wanted = method === "HEAD" ? "GET" : method;
    return this.operations.find((each) => each.method === wanted && each.pattern.test(path));
  }

  /** What is wrong with a value by a schema of the document, if anything. */
  fault(schema: JsonObject, value: unknown): string | undefined {
    const text = JSON.stringify(schema);
    let check = this.#checks.get(text);
    if (check === undefined) {
      check = this.#ajv.compile(JSON.parse(text.replaceAll('"#/', '"api#/')) as object);
      this.#checks.set(text, check);
    }
    return check(value) ? undefined : this.#ajv.errorsText(check.errors);
  }
}

function operation(path: string, method: string, raw: Raw): Operation {
  const content = Object.entries(raw.requestBody?.content ?? {});
  return {
    method: method.toUpperCase(),
    path,
    pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
    parameters: raw.parameters ?? [],
    bodies: Object.fromEntries(content.map(([type, media]) => [type, media.schema ?? {}])),
    responses: raw.responses,
  };
}
