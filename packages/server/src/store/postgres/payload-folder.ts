/** Which folder belongs to a database: see `payloads/directory/marker.ts`. */
import type { Pool } from "pg";
import type { FolderRegistry } from "../../payloads/directory/marker.ts";
import { asRuntimeError } from "../../runtime/outage.ts";

export function folderRegistry(pool: () => Pick<Pool, "query">): FolderRegistry {
  const idOf = async (sql: string, values: readonly string[]): Promise<string | undefined> => {
    try {
      const { rows } = await pool().query<{ readonly id: string }>(sql, [...values]);
      return rows[0]?.id;
    } catch (error) {
      throw asRuntimeError(error);
    }
  };
  const find = (name: string) => idOf("SELECT id FROM payload_stores WHERE name = $1", [name]);
  return {
    async known() {
      const [database, folder] = [await find("database"), await find("directory")];
      if (database === undefined) throw new Error("the database has no id of its own");
      return { database, folder };
    },
    async register(id) {
      await idOf(
        "INSERT INTO payload_stores (name, id) VALUES ('directory', $1) ON CONFLICT (name) DO NOTHING",
        [id],
      );
      return (await find("directory")) ?? id;
    },
  };
}
