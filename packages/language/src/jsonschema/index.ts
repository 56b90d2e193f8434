/** JSON Schema (2020-12) for the data of workflows: compiled to closures, without code generation. */
export { compileSchema } from "./compile.ts";
export { SchemaError } from "./context.ts";
