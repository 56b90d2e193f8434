/** A store of secrets in memory: for tests of the API alone, and of the vault against another's changes. */
import type { DataKeyRow, SecretRow, SecretStore } from "@millrace/server/secrets";

export class MemorySecretStore implements SecretStore {
  readonly keys: DataKeyRow[] = [];
  readonly rows: SecretRow[] = [];

  async dataKeys(tenant?: string) {
    return this.keys.filter((key) => tenant === undefined || key.tenant === tenant);
  }

  async addDataKey(row: DataKeyRow) {
    if (this.keys.some(({ tenant, id }) => tenant === row.tenant && id === row.id)) return false;
    this.keys.push(row);
    return true;
  }

  async rewrap(row: DataKeyRow, from: string) {
    const at = this.keys.findIndex(
      ({ tenant, id, masterKey }) => tenant === row.tenant && id === row.id && masterKey === from,
    );
    if (at !== -1) this.keys[at] = row;
  }

  async dropDataKeys(tenant: string, below: number) {
    const unused = this.keys.filter(
      (key) =>
        key.tenant === tenant &&
        key.id < below &&
        !this.rows.some((row) => row.tenant === tenant && row.dataKey === key.id),
    );
    for (const key of unused) this.keys.splice(this.keys.indexOf(key), 1);
    return unused.length;
  }

  async get(tenant: string, name: string) {
    return this.rows.find((row) => row.tenant === tenant && row.name === name);
  }

  async list(tenant: string, after: string, limit: number) {
    return this.rows
      .filter((row) => row.tenant === tenant && row.name > after)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, limit);
  }

  async put(row: SecretRow, over: Pick<SecretRow, "version" | "dataKey"> | undefined) {
    const { tenant, name } = row;
    const at = this.rows.findIndex((each) => each.tenant === tenant && each.name === name);
    const there = this.rows[at];
    if (there?.version !== over?.version || there?.dataKey !== over?.dataKey) return false;
    if (!this.keys.some((key) => key.tenant === tenant && key.id === row.dataKey)) return false;
    if (at === -1) this.rows.push(row);
    else this.rows[at] = row;
    return true;
  }

  async delete(tenant: string, name: string) {
    const at = this.rows.findIndex((row) => row.tenant === tenant && row.name === name);
    if (at !== -1) this.rows.splice(at, 1);
    return at !== -1;
  }

  async close() {}
}
