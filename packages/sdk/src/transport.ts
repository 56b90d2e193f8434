/**
 * Requests to a server: headers, problems as {@link MillraceError}, and retries.
 *
 * Every request of this client may be repeated safely (reads, starts with an idempotency key, events with their ids,
 * signals that are facts once given), so each is tried again when the connection fails or the server says that it may
 * succeed later (429, 503), after `Retry-After` or a growing, jittered pause.
 */
import type { MillraceError } from "./error.ts";
import { refusal, unexpected, unreachable } from "./failures.ts";

export interface RetryOptions {
  /** Tries after the first one; 5 unless given, 0 for none. */
  readonly retries?: number;
  /** Milliseconds before the first retry, doubled for each further one; 100 unless given. */
  readonly delay?: number;
  /** Longest pause in milliseconds, `Retry-After` included; 10,000 unless given. */
  readonly longestDelay?: number;
}

export interface TransportOptions {
  /** Such as `http://127.0.0.1:7070`. */
  readonly url: string;
  readonly apiKey?: string;
  /** The platform's unless given. */
  readonly fetch?: typeof fetch;
  readonly retry?: RetryOptions;
  /** Milliseconds that one try may take, a start's `wait` not counted; 30,000 unless given. */
  readonly timeout?: number;
  /** Waits; rejects when the signal aborts. For tests. */
  readonly sleep?: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
}

export interface Call {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** From `/v1` on, already encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is read once: such a call is not tried again. */
  readonly body?: string | Uint8Array | ReadableStream<Uint8Array>;
  /** Milliseconds that the server may hold the answer on purpose. */
  readonly held?: number;
  /** Ends the call and its retries. */
  readonly signal?: AbortSignal | undefined;
}

const RETRIED_STATUS = new Set([408, 429, 502, 503, 504]);

export class Transport {
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #fetch: typeof fetch;
  readonly #retry: Required<RetryOptions>;
  readonly #timeout: number;
  readonly #sleep: (milliseconds: number, signal?: AbortSignal) => Promise<void>;

  constructor(options: TransportOptions) {
    checkUrl(options.url);
    this.#base = options.url.replace(/\/+$/, "");
    this.#headers = options.apiKey === undefined ? {} : authorization(options.apiKey);
    // Called as a method, the platform's fetch would lose its `this`.
    const given = options.fetch ?? globalThis.fetch;
    this.#fetch = (...request) => given(...request);
    this.#retry = { retries: 5, delay: 100, longestDelay: 10_000, ...options.retry };
    this.#timeout = options.timeout ?? 30_000;
    this.#sleep = options.sleep ?? sleep;
  }

  /** The decoded JSON of the answer. @throws {MillraceError} */
  async json<T>(call: Call): Promise<T> {
    return (await this.#attempts(call, async (response) => JSON.parse(await response.text()))) as T;
  }

  /** The answer's text. @throws {MillraceError} */
  text(call: Call): Promise<string> {
    return this.#attempts(call, (response) => response.text());
  }

  /**
   * Deletes what is at the path. When it is gone after a try whose answer was lost, that try is taken to have deleted it.
   * @throws {MillraceError}
   */
  async delete(path: string): Promise<void> {
    await this.#attempts({ method: "DELETE", path }, (response) => response.text());
  }

  /** The answer as it begins; its body is read by the caller, and never repeated. @throws {MillraceError} */
  open(call: Call): Promise<Response> {
    return this.#attempts(call, async (response) => response);
  }

  /** Pauses before retry number `retry` (0 for the first). */
  pause(retry: number, signal?: AbortSignal, retryAfter = 0): Promise<void> {
    const { delay, longestDelay } = this.#retry;
    const grown = delay * 2 ** Math.min(retry, 20) * (0.5 + Math.random() / 2);
    return this.#sleep(Math.min(longestDelay, Math.max(grown, retryAfter)), signal);
  }

  async #attempts<T>(call: Call, read: (response: Response) => Promise<T>): Promise<T> {
    let mayBeDone = false;
    for (let retry = 0; ; retry++) {
      const { failure, retryAfter, value } = await this.#attempt(call, read);
      if (failure === undefined) return value as T;
      if (call.method === "DELETE" && mayBeDone && isGone(failure)) return undefined as T;
      // Who sends too much is refused before anything is done.
      mayBeDone ||= (failure as Partial<MillraceError>).status !== 429;
      const isSpent = call.body instanceof ReadableStream;
      if (retryAfter === undefined || isSpent || retry >= this.#retry.retries) throw failure;
      await this.pause(retry, call.signal, retryAfter);
    }
  }

  /** `retryAfter` (milliseconds) is there when a retry makes sense. */
  async #attempt<T>(
    call: Call,
    read: (response: Response) => Promise<T>,
  ): Promise<{ value?: T; failure?: Error; retryAfter?: number }> {
    call.signal?.throwIfAborted();
    try {
      const response = await this.#fetch(this.#address(call), this.#request(call));
      if (response.ok) return { value: await read(response) };
      const failure = await refusal(response);
      if (!RETRIED_STATUS.has(response.status)) return { failure };
      const seconds = Number(response.headers.get("retry-after") ?? 0);
      return { failure, retryAfter: Number.isFinite(seconds) ? seconds * 1_000 : 0 };
    } catch (error) {
      if (call.signal?.aborted === true) throw call.signal.reason;
      if (error instanceof SyntaxError) return { failure: unexpected(this.#base, error) };
      return { failure: unreachable(this.#base, error), retryAfter: 0 };
    }
  }

  #address({ path, query = {} }: Call): string {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue;
      for (const each of Array.isArray(value) ? value : [value]) search.append(name, String(each));
    }
    return `${this.#base}${path}${search.size === 0 ? "" : `?${search.toString()}`}`;
  }

  #request({ method, headers, body, held = 0, signal }: Call): RequestInit {
    const limits = [
      signal,
      held === Infinity ? undefined : AbortSignal.timeout(this.#timeout + held),
    ];
    return {
      method,
      headers: { accept: "application/json", ...this.#headers, ...headers },
      ...(body === undefined ? {} : { body: body as NonNullable<RequestInit["body"]> }),
      // The platform asks for this word of who sends a stream.
      ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
      signal: AbortSignal.any(limits.filter((limit) => limit !== undefined)),
    };
  }
}

/** What was to be deleted is not there. */
function isGone(failure: Error): boolean {
  const { code = "", status } = failure as Partial<MillraceError>;
  return status === 404 && code.endsWith("-not-found") && code !== "route-not-found";
}

/** Anything but a server's plain address would go wrong at the first request, or not at all where it should. */
function checkUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain =
    url !== undefined && `${url.username}${url.password}${url.search}${url.hash}` === "";
  if (plain && ["http:", "https:"].includes(url.protocol)) return;
  // Not the text itself: it may hold a password.
  throw new TypeError("url: expected one such as http://127.0.0.1:7070, with nothing else in it");
}

/** Checked here, because the platform's message about a header that cannot be sent would show the key. */
function authorization(apiKey: string): Readonly<Record<string, string>> {
  const key = apiKey.trim();
  if (/^[!-~]+$/.test(key)) return { authorization: `Bearer ${key}` };
  throw new TypeError("apiKey: expected printable ASCII characters without spaces");
}

function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener("abort", stop, { once: true });
  });
}
