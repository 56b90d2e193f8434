/** The store of secrets on PostgreSQL: single statements, each of which says what it expects to find. */
import type { Pool } from "pg";
import { asRuntimeError } from "../../runtime/outage.ts";
import type { DataKeyRow, SecretRow, SecretStore } from "../../secrets/store.ts";

interface RawKey {
  readonly tenant: string;
  readonly id: number;
  readonly master_key: string;
  readonly wrapped: Buffer;
  readonly created_at: string;
}
interface RawSecret {
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly data_key: number;
  readonly sealed: Buffer;
  readonly created_at: string;
  readonly updated_at: string;
}

const FOREIGN_KEY_VIOLATION = "23503";

/** @param open called with the first use */
export function postgresSecretStore(open: () => Pool): SecretStore {
  let pool: Pool | undefined;
  const query: Query = async (sql, values) => {
    try {
      pool ??= open();
      const { rows, rowCount } = await pool.query(sql, [...values]);
      return { rows, count: rowCount ?? 0 };
    } catch (error) {
      throw asRuntimeError(error);
    }
  };
  return { ...keysOf(query), ...secretsOf(query), close: async () => pool?.end() };
}

type Query = (
  sql: string,
  values: readonly unknown[],
) => Promise<{ readonly rows: readonly unknown[]; readonly count: number }>;

type Keys = "dataKeys" | "addDataKey" | "rewrap" | "dropDataKeys";

function keysOf(query: Query): Pick<SecretStore, Keys> {
  return {
    async dataKeys(tenant) {
      const { rows } = await query(
        `SELECT tenant, id, master_key, wrapped, created_at FROM data_keys
         WHERE $1::text IS NULL OR tenant = $1 ORDER BY tenant, id`,
        [tenant ?? null],
      );
      return (rows as readonly RawKey[]).map(keyOf);
    },
    async addDataKey({ tenant, id, masterKey, wrapped, createdAt }) {
      const { count } = await query(
        `INSERT INTO data_keys (tenant, id, master_key, wrapped, created_at)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
        [tenant, id, masterKey, wrapped, createdAt],
      );
      return count === 1;
    },
    async rewrap({ tenant, id, masterKey, wrapped }, from) {
      await query(
        `UPDATE data_keys SET master_key = $3, wrapped = $4
         WHERE tenant = $1 AND id = $2 AND master_key = $5`,
        [tenant, id, masterKey, wrapped, from],
      );
    },
    async dropDataKeys(tenant, below) {
      try {
        const { count } = await query(
          `DELETE FROM data_keys k WHERE tenant = $1 AND id < $2
             AND NOT EXISTS (SELECT FROM secrets s WHERE s.tenant = k.tenant AND s.data_key = k.id)`,
          [tenant, below],
        );
        return count;
      } catch (error) {
        // A secret was sealed with one of them meanwhile: they stay until the next rotation.
        if (codeOf(error) === FOREIGN_KEY_VIOLATION) return 0;
        throw error;
      }
    },
  };
}

function secretsOf(query: Query): Omit<SecretStore, Keys | "close"> {
  return {
    async get(tenant, name) {
      const { rows } = await query("SELECT * FROM secrets WHERE tenant = $1 AND name = $2", [
        tenant,
        name,
      ]);
      const [row] = rows as readonly RawSecret[];
      return row === undefined ? undefined : secretOf(row);
    },
    async list(tenant, after, limit) {
      const { rows } = await query(
        "SELECT * FROM secrets WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3",
        [tenant, after, limit],
      );
      return (rows as readonly RawSecret[]).map(secretOf);
    },
    async put(row, over) {
      const { tenant, name, version, dataKey, sealed, createdAt, updatedAt } = row;
      const values = [tenant, name, version, dataKey, sealed, createdAt, updatedAt];
      try {
        const { count } = await (over === undefined
          ? query(
              `INSERT INTO secrets (tenant, name, version, data_key, sealed, created_at, updated_at)
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
              values,
            )
          : query(
              `UPDATE secrets SET version = $3, data_key = $4, sealed = $5, updated_at = $7
               WHERE tenant = $1 AND name = $2 AND created_at = $6 AND version = $8 AND data_key = $9`,
              [...values, over.version, over.dataKey],
            ));
        return count === 1;
      } catch (error) {
        if (codeOf(error) === FOREIGN_KEY_VIOLATION) return false;
        throw error;
      }
    },
    async delete(tenant, name) {
      const { count } = await query("DELETE FROM secrets WHERE tenant = $1 AND name = $2", [
        tenant,
        name,
      ]);
      return count === 1;
    },
  };
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}

function keyOf({ tenant, id, master_key, wrapped, created_at }: RawKey): DataKeyRow {
  return { tenant, id, masterKey: master_key, wrapped, createdAt: Number(created_at) };
}

function secretOf(row: RawSecret): SecretRow {
  const { tenant, name, version, data_key, sealed, created_at, updated_at } = row;
  return {
    tenant,
    name,
    version,
    dataKey: data_key,
    sealed,
    createdAt: Number(created_at),
    updatedAt: Number(updated_at),
  };
}
