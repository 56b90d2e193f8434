/**
 * The tenants' secrets. A value is sealed with its tenant's newest data key and bound to tenant, name and version; data keys
 * are wrapped by the operator's master key. Values are any JSON; they leave only to the activities that use them.
 */
import { randomBytes } from "node:crypto";
import type { Json } from "@millrace/language";
import { ExpiringCache } from "../activities/expiring-cache.ts";
import { ActivityFailure } from "../activities/failure.ts";
import type { SecretSource } from "../activities/secrets.ts";
import type { Clock } from "../clock.ts";
import type { Keyring } from "./keyring.ts";
import { rotateKeys, type Rotated } from "./rotate.ts";
import { openedValue, seal, sealed, unseal } from "./seal.ts";
import { VaultError } from "./vault-error.ts";
import type { DataKeyRow, SecretRow, SecretStore } from "./store.ts";

/** Bytes of a value as JSON, at most. */
export const MAX_SECRET_BYTES = 65_536;
/** Milliseconds that an opened value stays in memory, and how many do: so long may another node use what was replaced. */
const REMEMBERED = 10_000;
const MOST_REMEMBERED = 1_000;
/** Others may change the same secret at the same time; each attempt meets what they left. */
const ATTEMPTS = 10;

export type SecretSummary = Pick<SecretRow, "name" | "version" | "createdAt" | "updatedAt">;

export class Vault implements SecretSource {
  readonly #store: SecretStore;
  readonly #keyring: Keyring;
  readonly #clock: Pick<Clock, "now">;
  readonly #values: ExpiringCache<Json | undefined>;

  constructor(store: SecretStore, keyring: Keyring, clock: Pick<Clock, "now">) {
    this.#store = store;
    this.#keyring = keyring;
    this.#clock = clock;
    this.#values = new ExpiringCache({ clock, maxWeight: MOST_REMEMBERED });
  }

  async get(tenant: string, name: string): Promise<Json | undefined> {
    try {
      return await this.#values.get(cacheKey(tenant, name), () => this.#load(tenant, name), NEVER);
    } catch (error) {
      const why =
        error instanceof VaultError ? error.message : "the store of secrets does not answer";
      const detail = `the secret ${JSON.stringify(name)} cannot be read: ${why}`;
      throw new ActivityFailure("runtime", detail, { status: 503 });
    }
  }

  /** @throws {VaultError} `no-master-key`, `too-large`, `unreadable` (the data key), `busy` */
  async set(
    tenant: string,
    name: string,
    value: Json,
  ): Promise<{ readonly created: boolean; readonly secret: SecretSummary }> {
    const plain = Buffer.from(JSON.stringify(value), "utf8");
    if (plain.length > MAX_SECRET_BYTES)
      throw new VaultError("too-large", `longer than ${MAX_SECRET_BYTES} bytes as JSON`);
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const key = await this.#newestKey(tenant);
      const before = await this.#store.get(tenant, name);
      const now = this.#clock.now();
      const row = sealed(plain, await this.#open(key), {
        tenant,
        name,
        version: (before?.version ?? 0) + 1,
        dataKey: key.id,
        createdAt: before?.createdAt ?? now,
        updatedAt: now,
      });
      if (!(await this.#store.put(row, before))) continue;
      this.#values.delete(cacheKey(tenant, name));
      return { created: before === undefined, secret: summaryOf(row) };
    }
    throw new VaultError("busy", "the secret is being changed by others; try again");
  }

  /** False when there was none. */
  async delete(tenant: string, name: string): Promise<boolean> {
    const deleted = await this.#store.delete(tenant, name);
    this.#values.delete(cacheKey(tenant, name));
    return deleted;
  }

  /** Names with their metadata, in order, after this one. */
  async list(tenant: string, after: string, limit: number): Promise<readonly SecretSummary[]> {
    return (await this.#store.list(tenant, after, limit)).map(summaryOf);
  }

  /**
   * Reads the master keys anew and wraps every data key with the first of them; with `dataKeys`, also gives each tenant a
   * new data key and seals all its secrets with it. Everything can be read and set meanwhile.
   * @throws {VaultError} `no-master-key`, `unreadable`
   */
  async rotate(options: { readonly dataKeys: boolean }): Promise<Rotated> {
    await this.#keyring.reload();
    return rotateKeys(
      {
        store: this.#store,
        newKey: (tenant, id) => this.#addKey(tenant, id),
        open: (key) => this.#open(key),
        wrap: (key, bytes) => this.#wrap(key, bytes),
        master: this.#master().id,
      },
      options,
    );
  }

  async #load(
    tenant: string,
    name: string,
  ): Promise<{ value: Json | undefined; expiresAt: number }> {
    const row = await this.#store.get(tenant, name);
    if (row === undefined) return { value: undefined, expiresAt: 0 };
    const keys = await this.#store.dataKeys(tenant);
    const key = keys.find(({ id }) => id === row.dataKey);
    if (key === undefined) throw new VaultError("unreadable", "its data key is gone");
    const plain = openedValue(row, await this.#open(key));
    const value = JSON.parse(plain.toString("utf8")) as Json;
    return { value, expiresAt: this.#clock.now() + REMEMBERED };
  }

  async #newestKey(tenant: string): Promise<DataKeyRow> {
    this.#master();
    for (;;) {
      const keys = await this.#store.dataKeys(tenant);
      const newest = keys.toSorted((a, b) => b.id - a.id)[0];
      if (newest !== undefined) return newest;
      await this.#addKey(tenant, 1);
    }
  }

  async #addKey(tenant: string, id: number): Promise<boolean> {
    const createdAt = this.#clock.now();
    return this.#store.addDataKey(this.#wrap({ tenant, id, createdAt }, randomBytes(32)));
  }

  #wrap(key: Pick<DataKeyRow, "tenant" | "id" | "createdAt">, bytes: Buffer): DataKeyRow {
    const { tenant, id, createdAt } = key;
    const master = this.#master();
    const wrapped = seal(master.bytes, bytes, ["data key", tenant, id, master.id]);
    return { tenant, id, createdAt, masterKey: master.id, wrapped };
  }

  async #open({ tenant, id, masterKey, wrapped }: DataKeyRow): Promise<Buffer> {
    const master = await this.#keyring.find(masterKey);
    if (master === undefined)
      throw new VaultError("unreadable", `this server does not have the master key ${masterKey}`);
    try {
      return unseal(master.bytes, wrapped, ["data key", tenant, id, masterKey]);
    } catch {
      throw new VaultError("unreadable", "its data key was changed since it was wrapped");
    }
  }

  #master() {
    const master = this.#keyring.current();
    if (master !== undefined) return master;
    const settings = "MILLRACE_MASTER_KEY_FILE, MILLRACE_MASTER_KEY or MILLRACE_MASTER_KEY_COMMAND";
    throw new VaultError("no-master-key", `this server has no master key: set ${settings}`);
  }
}

const NEVER = new AbortController().signal;

function cacheKey(tenant: string, name: string): string {
  return JSON.stringify([tenant, name]);
}

function summaryOf({ name, version, createdAt, updatedAt }: SecretRow): SecretSummary {
  return { name, version, createdAt, updatedAt };
}
