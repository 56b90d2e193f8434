/**
 * Bounds what the Kafka client decompresses. It takes a batch of messages apart in one go, and a megabyte of gzip may be a
 * gigabyte of zeros. Its table of algorithms is changed in place, for the whole process.
 */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { compressionsAlgorithms } from "@platformatic/kafka";
import { ActivityFailure } from "../../failure.ts";

/** Longest sum of the batches of one response after decompression, in bytes. */
export const MAX_BATCH_BYTES = 64 * 1024 * 1024;

type Algorithm = (typeof compressionsAlgorithms)["gzip"];
type Compressed = Parameters<Algorithm["decompressSync"]>[0];

function tooLong(): ActivityFailure {
  const detail = `batches of messages are longer than ${MAX_BATCH_BYTES} bytes after decompression`;
  return new ActivityFailure("communication", detail, { status: 413 });
}

function bytesOf(data: Compressed): Buffer {
  return Buffer.isBuffer(data) ? data : data.buffer;
}

/** Bytes of the response under way: it is taken apart without a pause. */
let spent = 0;

function spend(bytes: number): void {
  if (spent === 0)
    queueMicrotask(() => {
      spent = 0;
    });
  spent += bytes;
  if (spent > MAX_BATCH_BYTES) throw tooLong();
}

/** Node.js stops by itself at a length. */
function bounded(decompress: (data: Buffer, options: { maxOutputLength: number }) => Buffer) {
  return (data: Compressed): Buffer => {
    const maxOutputLength = Math.max(1, MAX_BATCH_BYTES - spent);
    try {
      const result = decompress(bytesOf(data), { maxOutputLength });
      spend(result.length);
      return result;
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? tooLong() : error;
    }
  };
}

/** The others say beforehand how long they become at most. */
function foretold(
  decompress: (data: Compressed) => Buffer,
  lengthOf: (data: Buffer) => number,
): (data: Compressed) => Buffer {
  return (data) => {
    spend(lengthOf(bytesOf(data)));
    return decompress(data);
  };
}

const XERIAL = Buffer.from("82534e4150505900", "hex");

/** Snappy begins with its length; Java's container of it has many such parts, each after its compressed length. */
function snappyLength(data: Buffer): number {
  if (!data.subarray(0, XERIAL.length).equals(XERIAL)) return varint(data, 0);
  let sum = 0;
  for (let at = 16; at + 4 < data.length; at += 4 + data.readUInt32BE(at))
    sum += varint(data, at + 4);
  return sum;
}

/** Little-endian, seven bits in a byte (the format's description, "Preamble"). */
function varint(data: Buffer, start: number): number {
  let value = 0;
  for (let index = 0; index < 5; index++) {
    const byte = data[start + index] ?? 0;
    value += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return value;
  }
  return Number.POSITIVE_INFINITY;
}

/** Blocks of a frame of LZ4, each as long as a block of this frame may be (LZ4 Frame Format 1.6, "Frame Descriptor"). */
function lz4Length(data: Buffer): number {
  if (data.length < 7 || data.readUInt32LE(0) !== 0x184d2204) return Number.POSITIVE_INFINITY;
  const flags = data[4] ?? 0;
  const blockSize = 2 ** (8 + 2 * (((data[5] ?? 0) >> 4) & 7));
  const checksum = (flags & 0x10) === 0 ? 0 : 4;
  let at = 7 + ((flags & 0x08) === 0 ? 0 : 8) + ((flags & 0x01) === 0 ? 0 : 4);
  let sum = 0;
  while (at + 4 <= data.length) {
    const size = data.readUInt32LE(at) & 0x7fff_ffff;
    if (size === 0) return at + 4 + 4 < data.length ? Number.POSITIVE_INFINITY : sum;
    sum += blockSize;
    at += 4 + size + checksum;
  }
  return sum;
}

/** As declared, but for `readonly`. */
type Algorithms = {
  readonly [name in "gzip" | "zstd" | "snappy" | "lz4"]: {
    decompressSync: (data: Compressed) => Buffer;
  };
};

const { gzip, zstd, snappy, lz4 }: Algorithms = compressionsAlgorithms;
gzip.decompressSync = bounded(gunzipSync);
zstd.decompressSync = bounded(zstdDecompressSync);
snappy.decompressSync = foretold(snappy.decompressSync.bind(snappy), snappyLength);
lz4.decompressSync = foretold(lz4.decompressSync.bind(lz4), lz4Length);
