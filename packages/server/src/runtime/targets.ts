/** Where an activity goes, in few words: never a header, a body, a path or a query, which may hold what is confidential. */
import { isObject, type Json, type JsonObject } from "@millrace/language";

export interface ActivityTarget {
  /** Such as `GET api.example.com`; absent when it cannot be told. */
  readonly target?: string;
}

/** @param input the activity's evaluated `with` */
export function targetOf(type: string, input: JsonObject): ActivityTarget {
  const words = wordsOf(type, input).filter((word) => word !== undefined && word !== "");
  return words.length === 0 ? {} : { target: words.join(" ") };
}

function wordsOf(type: string, input: JsonObject): readonly (string | undefined)[] {
  switch (type) {
    case "call:http":
      return [text(input["method"])?.toUpperCase(), hostOf(input["endpoint"])];
    case "call:openapi":
      return [text(input["operationId"]), hostOf(at(input["document"], "endpoint"))];
    case "call:grpc": {
      const service = input["service"];
      return [text(at(service, "name")), text(input["method"]), text(at(service, "host"))];
    }
    case "call:asyncapi":
      return [text(input["operation"]) ?? text(input["channel"])];
    case "call:mcp":
    case "call:a2a":
      return [text(input["method"])];
    case "call:worker":
      return [text(input["function"])];
    default:
      return [];
  }
}

/** Of an endpoint: a URI, or an object with one. One that is not evaluated yet, as it names a secret, has none to show. */
function hostOf(endpoint: Json | undefined): string | undefined {
  const uri = text(at(endpoint, "uri") ?? endpoint);
  if (uri === undefined || uri.includes("${")) return undefined;
  return URL.canParse(uri) ? new URL(uri).host : undefined;
}

function at(value: Json | undefined, key: string): Json | undefined {
  return value !== undefined && isObject(value) ? value[key] : undefined;
}

/** A word; what an expression that is still to be evaluated stands in, is none. */
function text(value: Json | undefined): string | undefined {
  return typeof value === "string" && !value.includes("${") ? value : undefined;
}
