/**
 * What an activity is told in confidence: evaluates the deferred parts of its input with the secrets they name and with the
 * authorization of the call, and knows these values, so that they can be taken out of whatever the activity gives back.
 */
import type { ActivityType, DeferredInput } from "@millrace/engine";
import {
  compileDeferred,
  type Deferred,
  ExpressionError,
  isObject,
  type Json,
  type JsonObject,
  type Template,
} from "@millrace/language";
import type { Clock } from "../clock.ts";
import { type LogRedaction, Redactor } from "../secrets/redact.ts";
import type { CredentialsRequest } from "./auth/credentials.ts";
import type { Execute } from "./calls.ts";
import type { ActivityRequest, ActivityResult, Feed } from "./executor.ts";
import { ActivityFailure } from "./failure.ts";
import type { Credentials } from "./http/exchange.ts";
import type { CallServices } from "./services.ts";

/** Where the values of secrets come from. */
export interface SecretSource {
  /**
   * The value, or undefined when the tenant has no secret of this name.
   * @throws {ActivityFailure} when the values cannot be read now
   */
  get(tenant: string, name: string): Promise<Json | undefined>;
}

/** What `$authorization` is (DSL "Runtime expression arguments"). */
interface Authorization extends JsonObject {
  readonly scheme: string;
  readonly parameter: string;
}

/** Where the policy stands that authorizes the call itself. */
const POLICIES: Readonly<Partial<Record<ActivityType, readonly string[]>>> = {
  "call:http": ["endpoint", "authentication"],
  "call:openapi": ["authentication"],
  "call:asyncapi": ["authentication"],
  "call:grpc": ["service", "authentication"],
  "call:mcp": ["transport", "http", "endpoint", "authentication"],
  "call:a2a": ["server", "authentication"],
};

/** One activity's confidences. */
export class Confidence {
  readonly #redactor: Redactor;
  readonly #secrets: SecretSource | undefined;
  readonly #clock: Clock;
  #values: Readonly<Record<string, Json>> = {};

  constructor(
    { secrets, redaction }: { readonly secrets?: SecretSource; readonly redaction?: LogRedaction },
    clock: Clock,
  ) {
    this.#redactor = new Redactor((value) => redaction?.remember(value));
    this.#secrets = secrets;
    this.#clock = clock;
  }

  /** Does the activity with what it is told; what it brings on the way holds no secret. @throws {ActivityFailure} */
  async perform(
    execute: Execute,
    request: ActivityRequest,
    services: CallServices,
    signal: AbortSignal,
    feed: Feed,
  ): Promise<Json> {
    if (request.deferred === undefined) return execute(request, services, signal, feed);
    const watching = this.#watching(services);
    const evaluated = await this.#evaluated(request, watching, signal);
    return execute(evaluated, watching, signal, (item) => feed(this.#redactor.redact(item)));
  }

  /** The result as it may be stored: an answer may repeat what the request said, and an error may quote it. */
  cleared(result: ActivityResult): ActivityResult {
    const redactor = this.#redactor;
    if ("output" in result) return { output: redactor.redact(result.output) };
    const { title, detail, ...error } = result.error;
    return {
      error: {
        ...error,
        ...(title === undefined ? {} : { title: redactor.text(title) }),
        ...(detail === undefined ? {} : { detail: redactor.text(detail) }),
      },
    };
  }

  /** The request with nothing deferred in it. @throws {ActivityFailure} `authorization` 403 for a secret that is not there */
  async #evaluated(
    request: ActivityRequest,
    services: CallServices,
    signal: AbortSignal,
  ): Promise<ActivityRequest> {
    const { deferred } = request;
    if (deferred === undefined) return request;
    this.#values = await this.#fetch(deferred.parts, request.tenant);
    const early = deferred.parts.filter(({ uses }) => !uses.includes("authorization"));
    const late = deferred.parts.filter(({ uses }) => uses.includes("authorization"));
    const input = this.#fill(request.input, early, deferred, request.data, null);
    if (late.length === 0) return { ...request, input };
    const authorization = await authorizationOf({ ...request, input }, services, signal);
    return { ...request, input: this.#fill(input, late, deferred, request.data, authorization) };
  }

  /** The services, with credentials that tell what they hand out: a token that a secret has bought is as good as one. */
  #watching(services: CallServices): CallServices {
    const credentials = (request: CredentialsRequest): Credentials =>
      this.#watched(services.credentials(request));
    return { ...services, credentials };
  }

  #watched(given: Credentials): Credentials {
    const noted = <T extends Readonly<Record<string, string>> | undefined>(headers: T): T => {
      const parameter = parse(headers?.["authorization"])?.parameter;
      if (parameter !== undefined) this.#redactor.add(parameter);
      return headers;
    };
    const answer = given.answer?.bind(given);
    return {
      ...given,
      headers: async (...args) => noted(await given.headers(...args)),
      ...(answer === undefined ? {} : { answer: async (...args) => noted(await answer(...args)) }),
    };
  }

  async #fetch(
    parts: readonly Deferred[],
    tenant: string,
  ): Promise<Readonly<Record<string, Json>>> {
    const names = [...new Set(parts.flatMap(({ secrets }) => secrets))];
    const found = await Promise.all(
      names.map(async (name): Promise<[string, Json]> => {
        const value = await this.#secrets?.get(tenant, name);
        if (value === undefined) throw notThere(name);
        this.#redactor.add(value);
        return [name, value];
      }),
    );
    return Object.fromEntries(found);
  }

  #fill(
    input: JsonObject,
    parts: readonly Deferred[],
    { variables, now }: DeferredInput,
    data: Json,
    authorization: Json,
  ): JsonObject {
    let filled: Json = input;
    for (const part of parts) {
      const known = part.secrets.map((name): [string, Json] => [name, this.#values[name] ?? null]);
      const secrets: JsonObject = Object.fromEntries(known);
      const scope = { ...variables, secrets, authorization };
      const context = { now, monotonic: () => this.#clock.monotonic() };
      try {
        filled = replaced(filled, part.path, compiled(part).evaluate(data, scope, context));
      } catch (error) {
        throw error instanceof ExpressionError ? failed(part) : error;
      }
    }
    return filled as JsonObject;
  }
}

function notThere(name: string): ActivityFailure {
  const detail = `there is no secret ${JSON.stringify(name)} that this tenant may use; set it with: millrace secret set ${name}`;
  return new ActivityFailure("authorization", detail);
}

/** jq's own messages quote values, or the beginnings of them. */
function failed({ pieces }: Deferred): ActivityFailure {
  const source = pieces.map((piece) => (typeof piece === "string" ? piece : `\${ ${piece.jq} }`));
  const shown = source.join("").slice(0, 120);
  const why = "the reason is withheld, because it may quote a value that is to stay secret";
  return new ActivityFailure("expression", `cannot evaluate \`${shown}\`: ${why}`);
}

/** What goes into the header, taken from the credentials of the call's own policy; null when there is none. */
async function authorizationOf(
  { type, input, data }: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Authorization | null> {
  const at = POLICIES[type];
  let policy: Json = input;
  for (const step of at ?? []) policy = isObject(policy) ? (policy[step] ?? null) : null;
  if (at === undefined || !isObject(policy)) return null;
  const credentials = services.credentials({ policy, path: at.join("."), data });
  const request = { method: "GET", url: new URL("http://localhost/"), headers: {} };
  const headers = await credentials.headers(request, signal);
  return parse(headers["authorization"]) ?? null;
}

function parse(header: string | undefined): Authorization | undefined {
  const [, scheme, parameter] = /^(\S+) +(.+)$/s.exec(header ?? "") ?? [];
  return scheme === undefined || parameter === undefined ? undefined : { scheme, parameter };
}

function replaced(value: Json, path: Deferred["path"], by: Json): Json {
  const [step, ...rest] = path;
  if (step === undefined) return by;
  if (Array.isArray(value)) {
    const items = value as readonly Json[];
    return items.map((item, index) => (index === step ? replaced(item, rest, by) : item));
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === step ? replaced(item, rest, by) : item,
    ]),
  );
}

/** Deferred parts come from definitions, over and over: most are compiled once. */
const COMPILED = new Map<string, Template>();
const MOST_COMPILED = 1_000;

function compiled(part: Deferred): Template {
  const key = JSON.stringify({ ...part, path: [], secrets: [] });
  const known = COMPILED.get(key);
  if (known !== undefined) return known;
  const template = compileDeferred(part);
  if (COMPILED.size >= MOST_COMPILED) COMPILED.clear();
  COMPILED.set(key, template);
  return template;
}
