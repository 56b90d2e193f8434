/** The calls of S3 that a store of payloads makes, on one bucket; whatever goes wrong comes out as a `BlobError`. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { Readable } from "node:stream";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { BlobError, type ByteRange } from "../blob-store.ts";
import { type Action, blobError, codeOf, isAbsent, statusOf } from "./errors.ts";
import type { S3Settings } from "./settings.ts";

export interface S3Options {
  /** AWS's own chain unless given: the AWS_* variables, shared files, web identity, the role of a container or a machine. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
  readonly times?: Partial<Times>;
}

/** Milliseconds. */
export interface Times {
  /** For a connection, or for one of the {@link SOCKETS} to be free. */
  readonly connect: number;
  /** Until a connection on which nothing moves is given up. */
  readonly silence: number;
  /** The same for the end of a large upload: many servers put its parts together before they answer. */
  readonly completion: number;
}

const TIMES: Times = { connect: 5_000, silence: 15_000, completion: 600_000 };
/** The first included. The pauses between them are exponential, with jitter. */
const ATTEMPTS = 3;
const SOCKETS = 256;

export interface Part {
  readonly number: number;
  readonly etag: string;
}

export interface OpenObject {
  readonly body: Readable;
  /** Bytes of `body`. */
  readonly size: number;
  readonly etag: string | undefined;
}

export interface PendingUpload {
  readonly key: string;
  readonly id: string;
  /** Epoch milliseconds; undefined where the server does not say. */
  readonly since: number | undefined;
}

export class Bucket {
  readonly settings: S3Settings;
  readonly #quick: S3Client;
  /** For what may take minutes to be answered. */
  readonly #patient: S3Client;
  readonly #agents: readonly [HttpAgent, HttpsAgent];
  readonly #closing = new AbortController();

  constructor(settings: S3Settings, { credentials, times = {} }: S3Options) {
    this.settings = settings;
    const { connect, silence, completion } = { ...TIMES, ...times };
    const sockets = { keepAlive: true, maxSockets: SOCKETS };
    const [httpAgent, httpsAgent] = (this.#agents = [
      new HttpAgent(sockets),
      new HttpsAgent(sockets),
    ]);
    const client = (socketTimeout: number): S3Client =>
      new S3Client({
        ...clientConfig(settings),
        ...(credentials === undefined ? {} : { credentials }),
        requestHandler: {
          httpAgent,
          httpsAgent,
          connectionTimeout: connect,
          socketTimeout,
          logger: SILENT,
        },
      });
    this.#quick = client(silence);
    this.#patient = client(completion);
  }

  /** The SHA-256 of the bytes is part of the signature: a server takes no others. */
  async put(key: string, bytes: Buffer, signal: AbortSignal): Promise<void> {
    const command = new PutObjectCommand({
      ...this.#at(key),
      Body: bytes,
      ContentLength: bytes.length,
    });
    await this.#do("s3:PutObject", signal, (options) => this.#quick.send(command, options));
  }

  /** @returns the id of the upload */
  async startUpload(key: string, signal: AbortSignal): Promise<string> {
    const command = new CreateMultipartUploadCommand(this.#at(key));
    const { UploadId } = await this.#do("s3:PutObject", signal, (o) =>
      this.#quick.send(command, o),
    );
    if (UploadId !== undefined) return UploadId;
    throw new BlobError(
      "unavailable",
      `S3 bucket ${this.settings.bucket}: an upload was given no id`,
    );
  }

  async putPart(
    key: string,
    upload: string,
    number: number,
    bytes: Buffer,
    signal: AbortSignal,
  ): Promise<Part> {
    const command = new UploadPartCommand({
      ...this.#at(key),
      UploadId: upload,
      PartNumber: number,
      Body: bytes,
      ContentLength: bytes.length,
    });
    const { ETag } = await this.#do("s3:PutObject", signal, (o) => this.#quick.send(command, o));
    if (ETag !== undefined) return { number, etag: ETag };
    throw new BlobError(
      "unavailable",
      `S3 bucket ${this.settings.bucket}: a part was given no ETag`,
    );
  }

  /** @param size of the whole, in bytes */
  async completeUpload(
    key: string,
    upload: string,
    parts: readonly Part[],
    size: number,
    signal: AbortSignal,
  ): Promise<void> {
    const command = new CompleteMultipartUploadCommand({
      ...this.#at(key),
      UploadId: upload,
      MultipartUpload: {
        Parts: parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag })),
      },
    });
    try {
      await this.#do("s3:PutObject", signal, (options) => this.#patient.send(command, options));
    } catch (error) {
      // The first attempt completed it and its answer was lost: then the second finds no upload, but the object.
      const cause = error instanceof BlobError ? error.cause : undefined;
      if (codeOf(cause ?? error) !== "NoSuchUpload") throw error;
      if ((await this.size(key, signal)) !== size) throw error;
    }
  }

  /** One that is not there any more is no error. */
  async abortUpload(key: string, upload: string, signal?: AbortSignal): Promise<void> {
    const command = new AbortMultipartUploadCommand({ ...this.#at(key), UploadId: upload });
    await this.#do("s3:AbortMultipartUpload", signal, (options) =>
      this.#quick.send(command, options).catch((error: unknown) => {
        if (codeOf(error) !== "NoSuchUpload") throw error;
      }),
    );
  }

  /**
   * A range that reaches beyond the last byte gives what there is.
   * @param etag when given, it has to be that object still
   */
  async open(
    key: string,
    range: ByteRange | undefined,
    etag: string | undefined,
    signal: AbortSignal,
  ): Promise<OpenObject | undefined> {
    const command = new GetObjectCommand({
      ...this.#at(key),
      ...(range === undefined ? {} : { Range: `bytes=${range.first}-${range.last}` }),
      ...(etag === undefined ? {} : { IfMatch: etag }),
    });
    const output = await this.#do("s3:GetObject", signal, (options) =>
      this.#quick.send(command, options).catch((error: unknown) => {
        if (statusOf(error) !== 416) return undefinedWhenAbsent(error);
        return {
          Body: Readable.from([]),
          ContentLength: 0,
          ContentRange: undefined,
          ETag: undefined,
        };
      }),
    );
    if (output === undefined) return undefined;
    const body = output.Body as Readable;
    const size = output.ContentLength;
    const isAsked = range === undefined || size === 0 || isWithin(output.ContentRange, range);
    if (size !== undefined && isAsked) return { body, size, etag: output.ETag };
    body.destroy();
    throw new BlobError(
      "refused",
      `S3 bucket ${this.settings.bucket}: the server gave other bytes than asked`,
    );
  }

  /** Bytes of an object; undefined when there is none. */
  async size(key: string, signal?: AbortSignal): Promise<number | undefined> {
    const command = new HeadObjectCommand(this.#at(key));
    const output = await this.#do("s3:GetObject", signal, (options) =>
      this.#quick.send(command, options).catch(undefinedWhenAbsent),
    );
    return output?.ContentLength;
  }

  async remove(key: string, signal?: AbortSignal): Promise<void> {
    const command = new DeleteObjectCommand(this.#at(key));
    await this.#do("s3:DeleteObject", signal, (options) =>
      this.#quick.send(command, options).catch(undefinedWhenAbsent),
    );
  }

  async *objects(): AsyncGenerator<{ readonly key: string; readonly size: number }> {
    let token: string | undefined;
    do {
      const command = new ListObjectsV2Command({
        Bucket: this.settings.bucket,
        Prefix: this.settings.prefix,
        ContinuationToken: token,
      });
      const page = await this.#do("s3:ListBucket", undefined, (o) => this.#quick.send(command, o));
      for (const { Key, Size } of page.Contents ?? []) {
        const key = this.#ownKey(Key);
        if (key !== undefined) yield { key, size: Size ?? 0 };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** Multipart uploads that were begun and have not ended; of keys that start so. */
  async *uploads(start = "", signal?: AbortSignal): AsyncGenerator<PendingUpload> {
    let marker: { readonly KeyMarker?: string; readonly UploadIdMarker?: string } | undefined = {};
    do {
      const command: ListMultipartUploadsCommand = new ListMultipartUploadsCommand({
        Bucket: this.settings.bucket,
        Prefix: this.settings.prefix + start,
        ...marker,
      });
      const page = await this.#do("s3:ListBucketMultipartUploads", signal, (o) =>
        this.#quick.send(command, o),
      );
      for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
        const key = this.#ownKey(Key);
        if (key !== undefined && UploadId !== undefined)
          yield { key, id: UploadId, since: Initiated?.getTime() };
      }
      const { NextKeyMarker, NextUploadIdMarker } = page;
      marker =
        page.IsTruncated === true && NextKeyMarker !== undefined
          ? {
              KeyMarker: NextKeyMarker,
              ...(NextUploadIdMarker === undefined ? {} : { UploadIdMarker: NextUploadIdMarker }),
            }
          : undefined;
    } while (marker !== undefined);
  }

  /** What is under way fails: else a silent server would hold up whoever ends. */
  close(): void {
    this.#closing.abort(new BlobError("unavailable", "S3: the store is closed"));
    this.#quick.destroy();
    this.#patient.destroy();
    for (const agent of this.#agents) agent.destroy();
  }

  #at(key: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.settings.bucket, Key: this.settings.prefix + key };
  }

  /** Without the prefix; undefined for what stands elsewhere, and for the folders that some consoles make. */
  #ownKey(key: string | undefined): string | undefined {
    const { prefix } = this.settings;
    if (key === undefined || !key.startsWith(prefix) || key.endsWith("/")) return undefined;
    return key.slice(prefix.length);
  }

  async #do<T>(
    action: Action,
    signal: AbortSignal | undefined,
    call: (options: { readonly abortSignal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const { signal: closing } = this.#closing;
    const either = signal === undefined ? closing : AbortSignal.any([signal, closing]);
    either.throwIfAborted();
    try {
      return await call({ abortSignal: either });
    } catch (error) {
      either.throwIfAborted();
      throw blobError(error, action, this.settings);
    }
  }
}

/** Without a logger of its own the client would write to the console. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

function clientConfig({ endpoint, region, pathStyle }: S3Settings): S3ClientConfig {
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    forcePathStyle: pathStyle,
    maxAttempts: ATTEMPTS,
    retryMode: "standard",
    // Headers and trailers that many servers do not know; what is sent is signed, and what is read has its digest.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // It would cost a new connection for each part.
    expectContinueHeader: false,
    logger: SILENT,
  };
}

/** RFC 9110 section 14.4: `bytes 0-99/1234`. */
function isWithin(header: string | undefined, { first, last }: ByteRange): boolean {
  const [, from, to] = /^bytes (\d+)-(\d+)\//.exec(header ?? "") ?? [];
  return Number(from) === first && Number(to) <= last;
}

function undefinedWhenAbsent(error: unknown): undefined {
  if (!isAbsent(error)) throw error;
}
