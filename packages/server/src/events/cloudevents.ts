/**
 * CloudEvents 1.0.2: from an HTTP request's parts to events with every rule of the specification checked.
 * HTTP protocol binding 3.1 (binary), 3.2 (structured), 3.3 (batched); attribute rules from the core section 2 and 3,
 * JSON format section 2 and 3.
 */
import { type CloudEvent, type Issue, type Json, ProblemError } from "@millrace/protocol";
import { MAX_EVENT_NAME } from "@millrace/protocol/schemas";
import { isObject, parseJson } from "../api/json.ts";

/** Most events in one batch: what one transaction takes without holding others up. */
export const MAX_BATCH = 1_000;

/** The parts of a request that an event can be in. */
export interface EventRequest {
  /** Lower-case names, as node gives them. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/**
 * Every event of the request, in order.
 * @throws {ProblemError} `invalid-event` with an issue for each fault; `invalid-body`; `unsupported-media-type`
 */
export function readEvents(request: EventRequest): readonly CloudEvent[] {
  const contentType = header(request, "content-type") ?? "";
  const mediaType = (contentType.split(";")[0] as string).trim().toLowerCase();
  if (mediaType === "application/cloudevents+json") {
    return checked([parseJson(request.body)], () => "");
  }
  if (mediaType === "application/cloudevents-batch+json") {
    return checked(batch(parseJson(request.body)), (index) => `[${index}]`);
  }
  if (mediaType.startsWith("application/cloudevents")) {
    throw new ProblemError("unsupported-media-type", {
      detail: `${mediaType}: only the JSON format is read: application/cloudevents+json, application/cloudevents-batch+json`,
    });
  }
  if (header(request, "ce-specversion") === undefined) throw neitherMode(mediaType);
  return checked([binaryEvent(request, contentType, mediaType)], () => "");
}

function neitherMode(mediaType: string): ProblemError {
  return new ProblemError("invalid-event", {
    detail: `a body of ${mediaType || "no media type"} without ce- headers is no event: send application/cloudevents+json, application/cloudevents-batch+json, or ce-specversion, ce-id, ce-source and ce-type headers`,
    issues: [{ path: "ce-specversion", message: "required in binary mode" }],
  });
}

function batch(value: Json): readonly Json[] {
  if (!Array.isArray(value)) {
    throw new ProblemError("invalid-event", {
      detail: "a batch is a JSON array of events",
      issues: [{ path: "", message: "expected an array" }],
    });
  }
  if (value.length > MAX_BATCH) {
    throw new ProblemError("payload-too-large", {
      detail: `${value.length} events in one batch; at most ${MAX_BATCH} are taken`,
    });
  }
  return value as readonly Json[];
}

function checked(values: readonly Json[], path: (index: number) => string): readonly CloudEvent[] {
  const issues: Issue[] = [];
  const events = values.map((value, index) => checkEvent(value, path(index), issues));
  if (issues.length > 0) {
    const first = issues[0] as Issue;
    throw new ProblemError("invalid-event", {
      detail: [first.path, first.message].filter((part) => part !== "").join(": "),
      issues,
    });
  }
  return events;
}

/** Binary mode: attributes from `ce-` headers, the body is the data as its media type says. */
function binaryEvent(request: EventRequest, contentType: string, mediaType: string): Json {
  const event: Record<string, Json> = {};
  for (const name of Object.keys(request.headers)) {
    if (!name.startsWith("ce-")) continue;
    event[name.slice(3)] = headerText(header(request, name) as string, name);
  }
  for (const reserved of ["data", "data_base64", "datacontenttype"]) {
    if (Object.hasOwn(event, reserved)) {
      throw new ProblemError("invalid-event", {
        detail: `ce-${reserved}: the body and Content-Type carry this in binary mode`,
        issues: [{ path: `ce-${reserved}`, message: "not an attribute header" }],
      });
    }
  }
  if (contentType !== "") event["datacontenttype"] = contentType;
  if (request.body.length === 0) return event;
  if (isJsonType(mediaType)) event["data"] = parseJson(request.body);
  else if (mediaType.startsWith("text/")) event["data"] = request.body.toString("utf8");
  else event["data_base64"] = request.body.toString("base64");
  return event;
}

function isJsonType(mediaType: string): boolean {
  return mediaType === "" || /^[^/]+\/(?:.+\+)?json$/.test(mediaType);
}

function header(request: EventRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(", ") : value;
}

/** Header values are percent-encoded UTF-8, in quotes or not (HTTP binding 3.1.3.2). */
function headerText(value: string, name: string): string {
  const quoted = /^"(.*)"$/.exec(value);
  const plain = quoted ? (quoted[1] as string).replaceAll(/\\(.)/g, "$1") : value;
  try {
    return decodeURIComponent(plain);
  } catch {
    throw new ProblemError("invalid-event", {
      detail: `${name}: not percent-encoded UTF-8`,
      issues: [{ path: name, message: "expected percent-encoded UTF-8" }],
    });
  }
}

const NAME = /^[a-z0-9]{1,20}$/;
const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:\s*;.*)?$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
// RFC 3339 section 5.6; the calendar is checked by Date below.
const TIMESTAMP = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
// RFC 3986: no spaces, controls, or characters that must be percent-encoded.
const URI_REFERENCE = /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
const ABSOLUTE_URI = /^[A-Za-z][A-Za-z0-9+.-]*:.+$/;

/** What a rule says when a value breaks it; `undefined` when it holds. */
type Rule = (value: Json) => string | undefined;

/** Core section 3.1, "String": no control characters, noncharacters, or halves of surrogate pairs. */
const REFUSED = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;
const unclean = "expected no control characters, noncharacters or unpaired surrogates";

const text: Rule = (value) => {
  if (typeof value !== "string" || value.length === 0) return "expected a non-empty string";
  return REFUSED.test(value) ? unclean : undefined;
};

/** What names an event: `source` and `id` stand together in an index, where a row has 2,704 bytes at most. */
const name: Rule = (value) =>
  text(value) ??
  (Buffer.byteLength(value as string) > MAX_EVENT_NAME
    ? `expected at most ${MAX_EVENT_NAME} bytes of UTF-8`
    : undefined);

function matching(pattern: RegExp, expected: string): Rule {
  return (value) =>
    text(value) ?? (pattern.test(value as string) ? undefined : `expected ${expected}`);
}

const timestamp: Rule = (value) =>
  matching(TIMESTAMP, "an RFC 3339 timestamp")(value) ??
  (Number.isNaN(Date.parse((value as string).toUpperCase())) ? "no such date or time" : undefined);

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ["id", name],
  ["source", (value) => name(value) ?? matching(URI_REFERENCE, "a URI reference")(value)],
  ["specversion", (value) => (value === "1.0" ? undefined : 'expected "1.0"')],
  ["type", name],
  ["datacontenttype", matching(MEDIA_TYPE, "a media type")],
  [
    "dataschema",
    (value) =>
      matching(URI_REFERENCE, "an absolute URI")(value) ??
      matching(ABSOLUTE_URI, "an absolute URI")(value),
  ],
  ["subject", text],
  ["time", timestamp],
  ["data", () => undefined],
  [
    "data_base64",
    (value) => (typeof value === "string" && BASE64.test(value) ? undefined : "expected Base64"),
  ],
]);
const REQUIRED = ["id", "source", "specversion", "type"];

/** Extension attributes are strings, booleans or 32-bit integers (core section 2, "Type System"). */
const extension: Rule = (value) => {
  if (typeof value === "boolean") return undefined;
  if (typeof value === "string") return REFUSED.test(value) ? unclean : undefined;
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= 0x7fffffff) {
    return undefined;
  }
  return "expected a string, a boolean or a 32-bit integer";
};

/** The event without its null attributes (they mean absent, JSON format section 2.2). */
function checkEvent(value: Json, at: string, issues: Issue[]): CloudEvent {
  if (!isObject(value)) {
    issues.push({ path: at, message: "expected a JSON object" });
    return value as unknown as CloudEvent;
  }
  const path = (name: string) => (at === "" ? name : `${at}.${name}`);
  const event: Record<string, Json> = {};
  for (const [name, attribute] of Object.entries(value)) {
    if (attribute === null && name !== "data") continue;
    const rule = RULES.get(name) ?? (NAME.test(name) ? extension : unnamed);
    const message = rule(attribute);
    if (message === undefined) event[name] = attribute;
    else issues.push({ path: path(name), message });
  }
  for (const name of REQUIRED) {
    if (value[name] === undefined || value[name] === null) {
      issues.push({ path: path(name), message: "required" });
    }
  }
  if (event["data"] !== undefined && event["data_base64"] !== undefined) {
    issues.push({ path: path("data_base64"), message: "not together with data" });
  }
  return event as unknown as CloudEvent;
}

const unnamed: Rule = () => "attribute names have 1 to 20 lower-case letters and digits";
