/** An HTTP request as it goes out and a response as it came in; header names are in lower case. */
export type Headers = Readonly<Record<string, string>>;

export interface OutgoingRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body?: Uint8Array;
}

export interface IncomingResponse {
  readonly status: number;
  /** Several values of one name are joined with a comma. */
  readonly headers: Headers;
  /** Decompressed. */
  readonly content: Buffer;
}

/** A response whose body is read while it arrives, such as server-sent events. */
export interface StreamedResponse {
  readonly status: number;
  readonly headers: Headers;
  /**
   * The bytes, once; an end of the loop before the body's gives up the connection.
   * @throws {ActivityFailure} when it breaks off, or is longer than `maxResponseBytes`
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** For a body that nobody will read. */
  discard(): void;
}

/** RFC 9110 §9.2.1: methods that ask for no change. */
export function isSafe(method: string): boolean {
  return ["GET", "HEAD", "OPTIONS", "TRACE"].includes(method.toUpperCase());
}

/** `type/subtype` in lower case, without parameters; undefined when absent. */
export function mediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(";")[0]?.trim().toLowerCase() || undefined;
}

export function isJson(type: string | undefined): boolean {
  return type === "application/json" || type === "text/json" || type?.endsWith("+json") === true;
}

export const FORM = "application/x-www-form-urlencoded";
