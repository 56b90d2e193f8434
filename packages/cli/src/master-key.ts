/** The master key of `millrace dev`: made once, in the data directory, for its owner alone. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "@millrace/server";

/** Settings that name the key, unless the operator gave one in any way. */
export function developmentKey(settings: Config, dataDir: string): Partial<Config> {
  const { masterKey, masterKeyFile, masterKeyCommand } = settings;
  if ((masterKey ?? masterKeyFile ?? masterKeyCommand) !== undefined) return {};
  const file = join(dataDir, "master.key");
  try {
    writeFileSync(file, `${randomBytes(32).toString("base64")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  return { masterKeyFile: file };
}
