/** The operator's catalog in a folder: `functions/{name}/{version}/function.yaml`, as the DSL lays a catalog out. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { FunctionCatalog } from "./source.ts";

/** A part of the path: no separator, no `..`, nothing hidden. */
const PART = /^[A-Za-z0-9][\w.+-]{0,127}$/;

export interface DirectoryFunction {
  readonly name: string;
  readonly version: string;
  /** Epoch milliseconds of the file's last change. */
  readonly updatedAt: number;
}

export interface DirectoryCatalog extends FunctionCatalog {
  /** All that is there now, in no order; nothing when the folder has no `functions`. */
  list(): Promise<readonly DirectoryFunction[]>;
}

/** Reads the folder anew at each question: what the operator changes is there at once. */
export function directoryCatalog(folder: string): DirectoryCatalog {
  const functions = join(folder, "functions");
  const fileOf = (name: string, version: string): string =>
    join(functions, name, version, "function.yaml");
  return {
    async read(name, version) {
      if (!PART.test(name) || !PART.test(version)) return undefined;
      return absent(readFile(fileOf(name, version), "utf8"));
    },
    async list() {
      const found: DirectoryFunction[] = [];
      for (const name of await partsOf(functions))
        for (const version of await partsOf(join(functions, name))) {
          const file = await absent(stat(fileOf(name, version)));
          if (file !== undefined)
            found.push({ name, version, updatedAt: Math.floor(file.mtimeMs) });
        }
      return found;
    },
  };
}

async function partsOf(folder: string): Promise<readonly string[]> {
  return ((await absent(readdir(folder))) ?? []).filter((name) => PART.test(name));
}

/** `undefined` for what is not there (or is a file where a folder should be); any other failure stays one. */
async function absent<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return undefined;
    throw error;
  }
}
