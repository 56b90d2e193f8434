/**
 * Loads a definition with all that it takes from outside: functions by URL and from catalogs, and schemas under
 * `resource`. What is fetched may ask for more (a function that calls another), so this goes in rounds: compile, fetch
 * what is missing, compile again. What went wrong is an issue at the place that asks for it.
 */
import {
  type ExternalResource,
  type Json,
  load,
  type Loaded,
  formatIssue,
  type ParseOptions,
  parseYaml,
  type Resources,
} from "@millrace/language";

/** Gets the text of one resource. */
export interface ResourceSource {
  /** @throws {ResourceFailure} with what the author of the workflow is told */
  read(resource: ExternalResource, signal: AbortSignal): Promise<string>;
}

/** Why a resource cannot be had. The message never holds a secret. */
export class ResourceFailure extends Error {
  override readonly name = "ResourceFailure";
}

export interface Complete {
  readonly loaded: Loaded;
  /** All that was fetched; to be kept beside the definition. */
  readonly resources: Resources;
}

/** Resources of one definition, their bytes together, and how many are fetched at a time. */
const MAX_RESOURCES = 100;
const MAX_TOTAL_BYTES = 4 * 1024 * 1024;
const AT_ONCE = 8;
/** More rounds than functions from outside may nest. */
const MAX_ROUNDS = 10;
/** Milliseconds for everything together: less than a client waits for its answer. */
const PATIENCE = 25_000;

export async function loadComplete(
  text: string,
  options: ParseOptions,
  source: ResourceSource,
): Promise<Complete> {
  const fetched = new Fetched(source, AbortSignal.timeout(PATIENCE));
  for (let round = 0; ; round += 1) {
    const { resources, failures } = fetched;
    const loaded = load(text, { ...options, resources, failures });
    if (!loaded.ok || loaded.missing.length === 0 || round === MAX_ROUNDS)
      return { loaded, resources };
    await fetched.add(loaded.missing);
  }
}

class Fetched {
  readonly resources: Record<string, Json> = {};
  readonly failures: Record<string, string> = {};
  readonly #source: ResourceSource;
  readonly #signal: AbortSignal;
  #count = 0;
  #bytes = 0;

  constructor(source: ResourceSource, signal: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  async add(wanted: readonly ExternalResource[]): Promise<void> {
    for (let from = 0; from < wanted.length; from += AT_ONCE)
      await Promise.all(wanted.slice(from, from + AT_ONCE).map((each) => this.#addOne(each)));
  }

  async #addOne(resource: ExternalResource): Promise<void> {
    try {
      this.resources[resource.id] = await this.#read(resource);
    } catch (error) {
      if (!(error instanceof ResourceFailure)) throw error;
      this.failures[resource.id] = error.message;
    }
  }

  async #read(resource: ExternalResource): Promise<Json> {
    this.#count += 1;
    if (this.#count > MAX_RESOURCES)
      throw new ResourceFailure(`a definition takes at most ${MAX_RESOURCES} things from outside`);
    const text = await this.#source.read(resource, this.#signal);
    this.#bytes += Buffer.byteLength(text);
    if (this.#bytes > MAX_TOTAL_BYTES)
      throw new ResourceFailure(
        `what a definition takes from outside is at most ${MAX_TOTAL_BYTES} bytes together`,
      );
    const { value, issues } = parseYaml(text, { file: "document" });
    const [issue] = issues;
    if (issue !== undefined) throw new ResourceFailure(formatIssue(issue));
    return value ?? null;
  }
}
