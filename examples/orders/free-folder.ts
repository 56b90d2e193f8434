/** Where a demonstration keeps what its server stores. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { removeData, tryLock } from "@millrace/server/embedded";

/** In it a folder for each demonstration that runs at the same time: `demo`, `demo-2` … */
const FOLDER = join(import.meta.dirname, "../../.millrace");

/** The first folder that no other demonstration uses, emptied; ours as long as this process lives. */
export function freeFolder(): string {
  mkdirSync(FOLDER, { recursive: true });
  for (let number = 1; ; number++) {
    const folder = join(FOLDER, number === 1 ? "demo" : `demo-${number}`);
    const release = tryLock(`${folder}.lock`);
    if (typeof release !== "function") continue;
    process.once("exit", release);
    removeData(folder);
    return folder;
  }
}
