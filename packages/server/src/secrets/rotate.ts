/** Rotation of master and data keys, while everything goes on: each step leaves what can be read with the keys at hand. */
import { openedValue, sealed } from "./seal.ts";
import type { DataKeyRow, SecretStore } from "./store.ts";

export interface RotationParts {
  readonly store: SecretStore;
  /** Id of the master key that wraps from now on. */
  readonly master: string;
  /** False when another has made the key of this id meanwhile. */
  readonly newKey: (tenant: string, id: number) => Promise<boolean>;
  readonly open: (key: DataKeyRow) => Promise<Buffer>;
  readonly wrap: (key: DataKeyRow, bytes: Buffer) => DataKeyRow;
}

/** What a rotation did. */
export interface Rotated {
  /** Id of the master key in use. */
  readonly masterKey: string;
  readonly keysWrapped: number;
  readonly secretsSealed: number;
  readonly keysDropped: number;
}

const PAGE = 100;

export async function rotateKeys(
  parts: RotationParts,
  options: { readonly dataKeys: boolean },
): Promise<Rotated> {
  const { store, master, open, wrap } = parts;
  let keysWrapped = 0;
  for (const key of await store.dataKeys()) {
    if (key.masterKey === master) continue;
    await store.rewrap(wrap(key, await open(key)), key.masterKey);
    keysWrapped += 1;
  }
  let secretsSealed = 0;
  let keysDropped = 0;
  const tenants = new Set((await store.dataKeys()).map(({ tenant }) => tenant));
  for (const tenant of options.dataKeys ? tenants : []) {
    const newest = await addKey(parts, tenant);
    secretsSealed += await sealAll(parts, tenant, newest);
    keysDropped += await store.dropDataKeys(tenant, newest.id);
  }
  return { masterKey: master, keysWrapped, secretsSealed, keysDropped };
}

async function addKey({ store, newKey }: RotationParts, tenant: string): Promise<DataKeyRow> {
  const highest = Math.max(...(await store.dataKeys(tenant)).map(({ id }) => id));
  await newKey(tenant, highest + 1);
  const added = (await store.dataKeys(tenant)).find(({ id }) => id === highest + 1);
  if (added === undefined) throw new Error("a new data key is not there");
  return added;
}

/** Seals every secret that another key seals. One that is set at the same time has a new key already, or is met again. */
async function sealAll(
  { store, open }: RotationParts,
  tenant: string,
  newest: DataKeyRow,
): Promise<number> {
  const keys = new Map((await store.dataKeys(tenant)).map((key) => [key.id, key]));
  const bytes = await open(newest);
  let count = 0;
  let after = "";
  for (;;) {
    const rows = await store.list(tenant, after, PAGE);
    for (const row of rows) {
      after = row.name;
      const key = keys.get(row.dataKey);
      if (row.dataKey >= newest.id || key === undefined) continue;
      const plain = openedValue(row, await open(key));
      if (await store.put(sealed(plain, bytes, { ...row, dataKey: newest.id }), row)) count += 1;
    }
    if (rows.length < PAGE) return count;
  }
}
