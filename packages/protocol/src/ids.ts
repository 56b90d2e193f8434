/**
 * Instance ids: ULIDs whose lowest 12 bits are the partition the instance lives in.
 *
 * 26 characters of Crockford's base 32: 48 bits of milliseconds, 68 random bits, 12 bits of partition. They sort by
 * time, and any node routes one without a look-up.
 */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/** The first character holds 3 bits only: 26 × 5 = 130 bits for 128. */
const PATTERN = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
const TIME_LENGTH = 10;

/** Bytes of randomness that {@link newId} takes. */
export const ID_RANDOM_BYTES = 10;
/** 12 bits hold a partition. */
export const MAX_PARTITIONS = 4096;

/**
 * @param partition 0 … 4095
 * @param nowMs epoch milliseconds, below 2^48
 * @param randomBytes at least 10 bytes, unchanged; the lowest 12 bits are replaced by the partition
 * @throws {RangeError} when an argument is out of range
 */
export function newId(partition: number, nowMs: number, randomBytes: Uint8Array): string {
  if (!Number.isInteger(partition) || partition < 0 || partition >= MAX_PARTITIONS)
    throw new RangeError(`partition ${partition} is not in 0…${MAX_PARTITIONS - 1}`);
  if (!(nowMs >= 0 && nowMs < 2 ** 48)) throw new RangeError(`time ${nowMs} is not in 0…2^48-1`);
  if (randomBytes.length < ID_RANDOM_BYTES)
    throw new RangeError(`an id takes ${ID_RANDOM_BYTES} random bytes, got ${randomBytes.length}`);
  const bytes = randomBytes.slice(0, ID_RANDOM_BYTES);
  bytes[8] = ((bytes[8] ?? 0) & 0xf0) | (partition >> 8);
  bytes[9] = partition & 0xff;
  return encodeTime(Math.floor(nowMs)) + encodeFive(bytes, 0) + encodeFive(bytes, 5);
}

/** The partition an id carries. The id must satisfy {@link isId}. */
export function partitionOf(id: string): number {
  let value = 0;
  for (let at = 23; at < 26; at++) value = value * 32 + ALPHABET.indexOf(id.charAt(at));
  return value & 0xfff;
}

/** Epoch milliseconds an id carries. The id must satisfy {@link isId}. */
export function timeOf(id: string): number {
  let value = 0;
  for (let at = 0; at < TIME_LENGTH; at++) value = value * 32 + ALPHABET.indexOf(id.charAt(at));
  return value;
}

/** True for a well-formed id (upper case only). */
export function isId(value: unknown): value is string {
  return typeof value === "string" && PATTERN.test(value);
}

/** Many ids are made in the same millisecond. */
let encoded = { ms: Number.NaN, text: "" };

function encodeTime(ms: number): string {
  if (encoded.ms === ms) return encoded.text;
  let text = "";
  let rest = ms;
  for (let at = 0; at < TIME_LENGTH; at++) {
    text = ALPHABET.charAt(rest % 32) + text;
    rest = Math.floor(rest / 32);
  }
  encoded = { ms, text };
  return text;
}

/** Five bytes make eight characters. */
function encodeFive(bytes: Uint8Array, from: number): string {
  const high =
    ((bytes[from] ?? 0) << 12) | ((bytes[from + 1] ?? 0) << 4) | ((bytes[from + 2] ?? 0) >> 4);
  const low =
    (((bytes[from + 2] ?? 0) & 0xf) << 16) | ((bytes[from + 3] ?? 0) << 8) | (bytes[from + 4] ?? 0);
  return encodeTwenty(high) + encodeTwenty(low);
}

function encodeTwenty(bits: number): string {
  return (
    ALPHABET.charAt((bits >> 15) & 31) +
    ALPHABET.charAt((bits >> 10) & 31) +
    ALPHABET.charAt((bits >> 5) & 31) +
    ALPHABET.charAt(bits & 31)
  );
}
