/** Where sealed secrets and wrapped data keys are kept. Nothing here is worth anything without the master key. */

/** A data key of a tenant, wrapped by a master key. */
export interface DataKeyRow {
  readonly tenant: string;
  /** 1, 2, 3 …; the highest one seals what is new. */
  readonly id: number;
  /** Id of the master key that wraps it. */
  readonly masterKey: string;
  readonly wrapped: Buffer;
  readonly createdAt: number;
}

/** One version of one secret, of which only the newest is kept. Instants are epoch milliseconds. */
export interface SecretRow {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  /** Id of the data key that seals it. */
  readonly dataKey: number;
  readonly sealed: Buffer;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Methods reject with a `RuntimeError` of kind `unavailable` when the store does not answer. */
export interface SecretStore {
  /** All data keys: of one tenant, or of every one. */
  dataKeys(tenant?: string): Promise<readonly DataKeyRow[]>;
  /** False when there is one of this id already. */
  addDataKey(row: DataKeyRow): Promise<boolean>;
  /** Puts the key under another master key, unless it is no longer under `from`. */
  rewrap(row: DataKeyRow, from: string): Promise<void>;
  /** Drops the keys below this id that seal nothing any more; gives their number. */
  dropDataKeys(tenant: string, below: number): Promise<number>;
  get(tenant: string, name: string): Promise<SecretRow | undefined>;
  /** By name, after this one. */
  list(tenant: string, after: string, limit: number): Promise<readonly SecretRow[]>;
  /**
   * Writes a row in place of the one of that version and key; `undefined`: of none. False when what is there is something
   * else, or the data key is gone: nothing was written.
   */
  put(row: SecretRow, over: Pick<SecretRow, "version" | "dataKey"> | undefined): Promise<boolean>;
  /** False when there was none. */
  delete(tenant: string, name: string): Promise<boolean>;
  close(): Promise<void>;
}
