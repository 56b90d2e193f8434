/**
 * Many uploads at the same time, of messages and payloads of several sizes, each sent once. What was acknowledged is told from what was
 * cut off, and every answer is judged.
 */
import { createHash } from "node:crypto";
import { Agent, type IncomingMessage, request } from "node:http";
import { KIB, randomBody, sealed } from "../payloads/bodies.ts";
import type { Random } from "./random.ts";

export interface Upload {
  readonly kind: "message" | "payload";
  readonly digest: string;
  readonly bytes: Buffer;
  /** The same bytes are sent more than once at the same time. */
  readonly isTwin: boolean;
  /** `unknown`: no answer, or one that asks to come later. */
  outcome: "acknowledged" | "unknown";
}

export interface Answer {
  readonly status: number;
  readonly retryAfter: number;
  readonly body: Buffer;
}

/** Smaller payloads stand in the database, others in the directory. */
export const BORDER = 16 * KIB;
/** Thousands are sent at once, and the last of them waits for all the others, on a machine that may be busy with more. */
const HANG_MS = 120_000;
/** Of a hundred uploads. */
const PAYLOADS = 40;
const LARGE = 12;
const TWINS = 5;

/** `count` uploads that nobody has made before, and some twins among them. */
export function uploadsOf(count: number, random: Random): readonly Upload[] {
  const all: Upload[] = [];
  while (all.length < count) {
    const drawn = random.between(0, 99);
    const isMessage = drawn >= PAYLOADS;
    const bytes = isMessage ? messageOf(random) : sealed(sizeOf(drawn, random));
    const digest = createHash("sha256").update(bytes).digest("hex");
    const kind = isMessage ? "message" : "payload";
    const isTwin = random.between(0, 99) < TWINS;
    for (let copies = isTwin ? 2 : 1; copies > 0; copies--)
      all.push({ kind, digest, bytes, isTwin, outcome: "unknown" });
  }
  return all;
}

function sizeOf(drawn: number, random: Random): number {
  if (drawn === 0) return random.between(KIB * KIB, 2 * KIB * KIB);
  return drawn < LARGE ? random.between(BORDER, 6 * BORDER) : random.between(16, BORDER - 100);
}

const LETTERS = ["a", "b", " ", "ä", "→", "🙂", '"', "\\", "\n", "\u0001"] as const;

function messageOf(random: Random): Buffer {
  const length = random.chance(0.1) ? random.between(100, 4_000) : random.between(0, 40);
  const start = randomBody(12).toString("hex");
  return Buffer.from(start + Array.from({ length }, () => random.pick(LETTERS)).join(""), "utf8");
}

/** A connection for each request, kept for the next one. */
export class PayloadClient {
  readonly #url: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });
  /** Answers that never came. */
  readonly hung: string[] = [];
  /** Answers that nobody may be given. */
  readonly wrong: string[] = [];
  turnedAway = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** Undefined when the connection broke. */
  async send(method: string, path: string, body?: Body): Promise<Answer | undefined> {
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    const { bytes, type = "application/octet-stream", isChunked = false } = body ?? {};
    const headers = {
      ...(bytes === undefined ? {} : { "content-type": type }),
      ...(bytes === undefined || isChunked ? {} : { "content-length": bytes.length }),
    };
    const sent = request(this.#url + path, { method, headers, agent: this.#agent });
    sent.setTimeout(HANG_MS, () => {
      this.hung.push(`${method} ${path}`);
      sent.destroy();
    });
    sent.on("error", () => resolve(undefined));
    sent.on("response", (response) => {
      void readAnswer(response).then(resolve, () => resolve(undefined));
    });
    if (bytes !== undefined && isChunked)
      for (let at = 0; at < bytes.length; at += BORDER) sent.write(bytes.subarray(at, at + BORDER));
    sent.end(isChunked ? undefined : bytes);
    const answer = await promise;
    this.#judge(answer, `${method} ${path}`);
    return answer;
  }

  async upload(upload: Upload): Promise<void> {
    const answer = await (upload.kind === "message"
      ? this.send("POST", "/messages", {
          bytes: Buffer.from(JSON.stringify({ message: upload.bytes.toString("utf8") })),
          type: "application/json",
        })
      : this.send("PUT", "/v1/payloads", {
          bytes: upload.bytes,
          isChunked: upload.bytes.length % 2 === 0,
        }));
    if (answer === undefined || answer.status >= 300) return;
    upload.outcome = "acknowledged";
    const { digest } = JSON.parse(answer.body.toString("utf8")) as { readonly digest: string };
    if (digest !== upload.digest)
      this.wrong.push(`${upload.kind} ${upload.digest} was acknowledged as ${digest}`);
  }

  /** The bytes behind a digest; `absent` when there are none, undefined when there was no answer. */
  async read(kind: Upload["kind"], digest: string): Promise<Buffer | "absent" | undefined> {
    const path = kind === "message" ? `/messages/${digest}` : `/v1/payloads/${digest}`;
    const answer = await this.send("GET", path);
    if (answer?.status === 404) return "absent";
    if (answer?.status !== 200) return undefined;
    if (kind === "payload") return answer.body;
    const { message } = JSON.parse(answer.body.toString("utf8")) as { readonly message: string };
    return Buffer.from(message, "utf8");
  }

  close(): void {
    this.#agent.destroy();
  }

  #judge(answer: Answer | undefined, what: string): void {
    if (answer === undefined || answer.status < 300 || answer.status === 404) return;
    if (answer.status === 503 && answer.retryAfter >= 1) this.turnedAway += 1;
    else this.wrong.push(`${what}: ${answer.status} ${answer.body.toString("utf8", 0, 300)}`);
  }
}

export interface Body {
  readonly bytes: Buffer;
  readonly type?: string;
  /** Sent in pieces, without saying how many bytes there are. */
  readonly isChunked?: boolean;
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const retryAfter = Number(response.headers["retry-after"] ?? 0);
  return { status: response.statusCode ?? 0, retryAfter, body: Buffer.concat(chunks) };
}
