/** A request as plain JSON, and as bytes. */
import type { Json } from "@millrace/language";

export interface Request {
  readonly method: string;
  /** Path and query, as they go over the wire. */
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: string;
  /** The body's characters are bytes; else they are written as UTF-8. */
  readonly latin1?: boolean;
  /** How the body's length is told; a number is a lie. */
  readonly framing?: "length" | "chunked" | "none" | number;
  /** Bytes that are sent; the rest is never. */
  readonly cut?: number;
  /** Bytes replaced: place and value. */
  readonly flips?: readonly (readonly [number, number])[];
}

/** What a case is made of: requests one after the other, or all at once. */
export interface Case {
  readonly requests: readonly Request[];
  readonly together: boolean;
}

/** As a part of an address. Lone surrogates have no encoding; these are the bytes they would be. */
export function encode(text: string): string {
  return Array.from(text, (part) => (part.isWellFormed() ? encodeURIComponent(part) : "%ED%A0%80"))
    .join("")
    .replaceAll("%40", "@");
}

/** Header values are Latin-1 without controls. */
export function headerText(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it removes
  return text.replaceAll(/[\0-\x1f\x7f]|[^\0-\xff]/g, "?");
}

/** Whether a shrunk value is still a case. */
export function isCase(value: Json): boolean {
  const { requests } = (value ?? {}) as unknown as Partial<Case>;
  return (
    Array.isArray(requests) &&
    (requests as readonly Partial<Request>[]).every(
      (each) =>
        typeof each === "object" &&
        each !== null &&
        typeof each.method === "string" &&
        typeof each.target === "string" &&
        Array.isArray(each.headers) &&
        each.headers.every(
          (pair: unknown) =>
            Array.isArray(pair) &&
            pair.length === 2 &&
            pair.every((part) => typeof part === "string"),
        ),
    )
  );
}

/** True when these are the bytes of a whole HTTP request, so that an answer must come. */
export function isWhole({ cut, flips, framing }: Request): boolean {
  return cut === undefined && flips === undefined && typeof framing !== "number";
}

export function bytesOf(request: Request, host: string): Buffer {
  const { method, target, headers, body, framing = "length" } = request;
  const content = Buffer.from(body ?? "", request.latin1 === true ? "latin1" : "utf8");
  const lines = [`${method} ${target} HTTP/1.1`];
  if (!headers.some(([name]) => name.toLowerCase() === "host")) lines.push(`Host: ${host}`);
  lines.push(...headers.map(([name, value]) => `${name}: ${value}`), "Connection: close");
  if (framing === "chunked") lines.push("Transfer-Encoding: chunked");
  else if (typeof framing === "number") lines.push(`Content-Length: ${framing}`);
  else if (framing === "length" && body !== undefined)
    lines.push(`Content-Length: ${content.length}`);
  const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
  const bytes = Buffer.concat([head, framing === "chunked" ? chunked(content) : content]);
  for (const [at, byte] of request.flips ?? []) bytes[at % bytes.length] = byte;
  return request.cut === undefined ? bytes : bytes.subarray(0, request.cut);
}

function chunked(content: Buffer): Buffer {
  const half = content.length >> 1;
  const parts = [content.subarray(0, half), content.subarray(half)].filter((part) => part.length);
  return Buffer.concat([
    ...parts.flatMap((part) => [
      Buffer.from(`${part.length.toString(16)}\r\n`),
      part,
      Buffer.from("\r\n"),
    ]),
    Buffer.from("0\r\n\r\n"),
  ]);
}
