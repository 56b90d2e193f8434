/** Whether an answer is one that the server's own document, its catalogue of errors and HTTP allow. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { ERRORS, isErrorCode } from "@millrace/protocol";
import type { Problem, Verdict } from "../campaign.ts";
import type { ApiDocument, Operation } from "./document.ts";
import type { Answer } from "./exchange.ts";
import { isWhole, type Request } from "./request.ts";

const fault = (kind: string, detail: string): Problem => ({ kind, detail: detail.slice(0, 1_500) });

export function checkAnswer(document: ApiDocument, request: Request, answer: Answer): Verdict {
  const [path = ""] = request.target.split("?");
  // Half a request may be another request: only whole ones are known to meet an operation.
  const operation = isWhole(request) ? document.find(request.method, path) : undefined;
  const outcome = outcomeOf(answer, operation);
  const problem =
    connectionFault(request, answer) ??
    (answer.status === 0 ? undefined : answerFault(document, request, operation, answer));
  return problem === undefined ? { outcome } : { outcome, problem };
}

function outcomeOf({ status, body }: Answer, operation: Operation | undefined): string {
  if (status === 0) return "closed without an answer";
  const where = operation === undefined ? "no operation" : `${operation.method} ${operation.path}`;
  const code = status < 400 ? "" : (/"code":"([a-z-]+)"/.exec(body.toString())?.[1] ?? "");
  return `${status} ${code}`.padEnd(30) + where;
}

function connectionFault(request: Request, { status, late, complete, headers }: Answer) {
  if (late) return fault("hang", `no whole answer to ${request.method} ${request.target}`);
  if (status === 0 && isWhole(request)) return fault("no answer to a whole request", "");
  if (Number.isNaN(status)) return fault("an answer that is not HTTP", "");
  const streamed = headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (status !== 0 && !complete && !streamed) return fault("an answer cut short", `${status}`);
  return undefined;
}

function answerFault(
  document: ApiDocument,
  request: Request,
  operation: Operation | undefined,
  answer: Answer,
): Problem | undefined {
  const { status, body } = answer;
  const text = body.toString("utf8");
  const where = `${operation?.method ?? request.method} ${operation?.path ?? "elsewhere"}`;
  // Nothing is wrong with the database here, and nobody stops the server: 503 can only mean too much at once.
  if (status >= 500 && status !== 501 && !text.includes('"code":"overloaded"')) {
    return fault(`${status} from ${where}`, text);
  }
  const bodiless = request.method === "HEAD";
  if (status >= 400) {
    const wrong = problemFault(document, answer, bodiless);
    if (wrong !== undefined) return fault(`${wrong} (${status} from ${where})`, text);
  }
  // A stream has no HEAD.
  if (operation === undefined || (bodiless && status === 405)) return undefined;
  const described = operation.responses[String(status)];
  if (described === undefined) return fault(`undocumented ${status} from ${where}`, text);
  if (bodiless || described.content === undefined) return undefined;
  const type = (answer.headers.get("content-type") ?? "").split(";")[0] as string;
  // Payloads have whatever type they were put with, and no schema.
  if (described.content["*/*"] !== undefined) return undefined;
  const media = described.content[type];
  if (media === undefined) return fault(`undocumented ${type} in ${status} from ${where}`, text);
  const wrong = type.includes("json")
    ? jsonFault(document, media.schema ?? {}, text)
    : streamFault(document, type, text);
  return wrong === undefined
    ? undefined
    : fault(`a body unlike its schema: ${status} from ${where}`, `${wrong}\n${text}`);
}

/** Every refusal is a problem document whose parts are the catalogue's. */
function problemFault(
  document: ApiDocument,
  { status, headers, body }: Answer,
  bodiless: boolean,
): string | undefined {
  const type = headers.get("content-type");
  if (type !== "application/problem+json") return `a refusal as ${type}`;
  if (status === 405 && !headers.has("allow")) return "405 without Allow";
  if (status === 401 && !headers.has("www-authenticate")) return "401 without WWW-Authenticate";
  if (status === 503 && !headers.has("retry-after")) return "503 without Retry-After";
  if (bodiless) return undefined;
  const schema = { $ref: "#/components/schemas/Problem" };
  const wrong = jsonFault(document, schema, body.toString("utf8"));
  if (wrong !== undefined) return "not a problem document";
  const problem = JSON.parse(body.toString("utf8")) as JsonObject;
  const { code } = problem;
  if (!isErrorCode(code)) return "a code that the catalogue has not";
  const { title, action } = ERRORS[code];
  const same =
    ERRORS[code].status === status &&
    problem["status"] === status &&
    problem["title"] === title &&
    problem["action"] === action;
  return same ? undefined : "a problem unlike its entry in the catalogue";
}

function jsonFault(document: ApiDocument, schema: JsonObject, text: string): string | undefined {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  return document.fault(schema, value);
}

/** Events of a stream carry a fact each, numbered like it. */
function streamFault(document: ApiDocument, type: string, text: string): string | undefined {
  if (type !== "text/event-stream") return undefined;
  // The last one may be cut off.
  for (const block of text.split("\n\n").slice(0, -1)) {
    if (block.startsWith(":")) continue;
    const [, id, data] = /^id: (\d+)\nevent: .*\ndata: (.*)$/.exec(block) ?? [];
    if (data === undefined) return `not an event: ${block}`;
    const wrong = jsonFault(document, { $ref: "#/components/schemas/HistoryEvent" }, data);
    if (wrong !== undefined) return wrong;
    const fact = JSON.parse(data) as Json;
    if (!isObject(fact) || fact["seq"] !== Number(id)) return "an id that is not the seq";
  }
  return undefined;
}
