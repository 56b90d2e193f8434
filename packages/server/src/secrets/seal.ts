/**
 * AES-256-GCM (NIST SP 800-38D): `nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes)`, with what the value is bound to as
 * associated data. A fresh random nonce each time: a data key seals far fewer than the 2³² values that are safe under one key.
 */
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import type { SecretRow } from "./store.ts";
import { VaultError } from "./vault-error.ts";

const ALGORITHM = "aes-256-gcm";
const NONCE = 12;
const TAG = 16;

/** What a sealed value belongs to: it opens nowhere else. */
export type Binding = readonly (string | number)[];

export function seal(key: Buffer, plain: Buffer, binding: Binding): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG });
  cipher.setAAD(bytesOf(binding));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** @throws {Error} when it was sealed with another key, is bound to something else, or was changed */
export function unseal(key: Buffer, sealed: Buffer, binding: Binding): Buffer {
  if (sealed.length < NONCE + TAG) throw new Error("a sealed value is too short");
  const nonce = sealed.subarray(0, NONCE);
  const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG });
  decipher.setAAD(bytesOf(binding));
  decipher.setAuthTag(sealed.subarray(-TAG));
  return Buffer.concat([decipher.update(sealed.subarray(NONCE, -TAG)), decipher.final()]);
}

/** JSON keeps the parts apart: no two bindings are the same bytes. */
function bytesOf(binding: Binding): Buffer {
  return Buffer.from(JSON.stringify(binding), "utf8");
}

/** Seals a value for exactly this place; also what a rotation does. */
export function sealed(plain: Buffer, key: Buffer, row: Omit<SecretRow, "sealed">): SecretRow {
  return { ...row, sealed: seal(key, plain, bindingOf(row)) };
}

/** @throws {VaultError} `unreadable` */
export function openedValue(row: SecretRow, key: Buffer): Buffer {
  try {
    return unseal(key, row.sealed, bindingOf(row));
  } catch {
    throw new VaultError("unreadable", "it was changed since it was sealed");
  }
}

function bindingOf(row: Omit<SecretRow, "sealed">): readonly (string | number)[] {
  const { tenant, name, version, dataKey, createdAt } = row;
  return ["secret", tenant, name, version, dataKey, createdAt];
}
