import type { Message, MessageDigest } from "@millrace/protocol";
import { MillraceError } from "./error.ts";
import { sha256 } from "./sha256.ts";
import type { Transport } from "./transport.ts";

/** `/messages`: texts under the digest of their UTF-8 bytes. Methods reject with a {@link MillraceError}. */
export class Messages {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Resolves with its digest when it is durable. */
  async put(message: string): Promise<string> {
    if (!isWellFormed(message))
      throw new TypeError("message: half of a surrogate pair has no UTF-8 bytes");
    const { digest } = await this.#transport.json<MessageDigest>({
      method: "POST",
      path: "/messages",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ message }),
    });
    check(message, digest);
    return digest;
  }

  async get(digest: string): Promise<string> {
    const { message } = await this.#transport.json<Message>({
      method: "GET",
      path: addressOf(digest),
    });
    check(message, digest);
    return message;
  }

  async delete(digest: string): Promise<void> {
    await this.#transport.delete(addressOf(digest));
  }
}

function addressOf(digest: string): string {
  return `/messages/${encodeURIComponent(digest)}`;
}

/** Newer than some platforms that this runs on. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** What was changed on the way is noticed. */
function check(message: string, digest: string): void {
  const hash = sha256();
  hash.update(new TextEncoder().encode(message));
  const found = hash.hex();
  if (found !== digest) throw mismatch(digest, found);
}

export function mismatch(expected: string, found: string): MillraceError {
  return new MillraceError(
    "digest-mismatch",
    `the bytes have the digest ${found}, not ${expected}: they were changed on the way`,
  );
}
