/**
 * A process to be killed. `directory-child.ts FOLDER hang KEY`: begins an upload, says so when its bytes so far are on disk, and hangs.
 * `directory-child.ts FOLDER load SEED`: uploads without end, and prints `KEY DIGEST` of each that has succeeded.
 */
import { existsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { chunked, hanging, MIB, randomBody, sealed, sha256 } from "@millrace/testkit/payloads";
import { newKey } from "../../src/payloads/blob-store.ts";
import { openDirectoryStore } from "../../src/payloads/directory/index.ts";

const [folder = "", what = "", key = ""] = process.argv.slice(2);
// The folder was prepared by its owner.
const registry = { known: () => Promise.reject(new Error()), register: async (id: string) => id };
const store = openDirectoryStore({ folder, registry });
const CLIENTS = 32;

if (what === "hang") {
  const { body, hangs } = hanging(randomBody(3 * MIB));
  const upload = store.put(key, body);
  await hangs;
  if (!existsSync(join(folder, "partial", key))) throw new Error("there is no partial file");
  writeSync(1, "hangs\n");
  await upload;
} else {
  const client = async (): Promise<void> => {
    for (let turn = 0; ; turn++) {
      const [next, bytes] = [newKey(), sealed(turn % 8 === 4 ? 3 * MIB : turn * 997)];
      await store.put(next, chunked(bytes));
      writeSync(1, `${next} ${sha256(bytes)}\n`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
}
