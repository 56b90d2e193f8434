/**
 * The operator's master keys: they wrap the tenants' data keys and encrypt nothing else.
 *
 * A source (file, environment variable, output of a command) gives one key on each line: 32 bytes in base64 or
 * hexadecimal; lines that begin with `#` are comments. The first key wraps; the others only unwrap what was wrapped before,
 * until `rotate` has wrapped it anew. The source is read at the start, at each rotation, and when a key is met that is not
 * known, so that a key can be added without a restart.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { type Config, ConfigError } from "../config.ts";

export interface MasterKey {
  /** Twelve hexadecimals that follow from the key; stored beside what it wraps. */
  readonly id: string;
  readonly bytes: Buffer;
}

export interface Keyring {
  /** The key that wraps; undefined when the operator gave none. */
  current(): MasterKey | undefined;
  /** The key of this id, read anew when it is not known yet. */
  find(id: string): Promise<MasterKey | undefined>;
  /** @throws {ConfigError} naming the setting, never the key */
  reload(): Promise<void>;
}

export type KeyringConfig = Pick<Config, "masterKey" | "masterKeyFile" | "masterKeyCommand">;

/** Milliseconds that the command may take, and bytes it may print. */
const COMMAND_TIMEOUT = 10_000;
const COMMAND_OUTPUT = 65_536;
/** Milliseconds between two readings because of unknown keys. */
const RELOAD_AFTER = 10_000;

/** @throws {ConfigError} when the source cannot be read or holds what is no key */
export async function openKeyring(
  config: KeyringConfig,
  clock: { monotonic(): number },
): Promise<Keyring> {
  const source = sourceOf(config);
  let keys: readonly MasterKey[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  const reload = async (): Promise<void> => {
    readAt = clock.monotonic();
    if (source !== undefined) keys = parseKeys(await source.read(), source.setting);
  };
  await reload();
  const known = (id: string): MasterKey | undefined => keys.find((key) => key.id === id);
  return {
    current: () => keys[0],
    reload,
    async find(id) {
      if (known(id) === undefined && clock.monotonic() - readAt > RELOAD_AFTER) await reload();
      return known(id);
    },
  };
}

interface KeySource {
  readonly setting: string;
  read(): Promise<string>;
}

function sourceOf({
  masterKey,
  masterKeyFile,
  masterKeyCommand,
}: KeyringConfig): KeySource | undefined {
  const given: KeySource[] = [];
  if (masterKeyFile !== undefined)
    given.push(source("MILLRACE_MASTER_KEY_FILE", () => readFile(masterKeyFile, "utf8")));
  if (masterKey !== undefined)
    given.push(source("MILLRACE_MASTER_KEY", () => Promise.resolve(masterKey)));
  if (masterKeyCommand !== undefined)
    given.push(source("MILLRACE_MASTER_KEY_COMMAND", () => outputOf(masterKeyCommand)));
  if (given.length > 1) {
    const names = given.map(({ setting }) => setting).join(" and ");
    throw new ConfigError(`${names}: give only one of them`);
  }
  return given[0];
}

function source(setting: string, read: () => Promise<string>): KeySource {
  return {
    setting,
    async read() {
      try {
        return await read();
      } catch (error) {
        // The whole message of a failed command repeats what it printed.
        const { code, signal } = error as {
          readonly code?: string | number;
          readonly signal?: string;
        };
        throw new ConfigError(`${setting}: cannot be read (${code ?? signal ?? "failed"})`);
      }
    },
  };
}

async function outputOf(command: string): Promise<string> {
  const options = {
    timeout: COMMAND_TIMEOUT,
    maxBuffer: COMMAND_OUTPUT,
    encoding: "utf8",
  } as const;
  const { stdout } = await promisify(execFile)("/bin/sh", ["-c", command], options);
  return stdout;
}

/** @throws {ConfigError} */
export function parseKeys(text: string, setting: string): readonly MasterKey[] {
  const lines = text.split(/[\r\n,]+/).map((line) => line.trim());
  const written = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (written.length === 0) throw new ConfigError(`${setting}: holds no key; ${EXPECTED}`);
  return written.map((line, index) => {
    const bytes = bytesOf(line);
    if (bytes === undefined) throw new ConfigError(`${setting}: key ${index + 1}: ${EXPECTED}`);
    return { id: keyId(bytes), bytes };
  });
}

const EXPECTED =
  "expected 32 random bytes in base64 or hexadecimal, as `openssl rand -base64 32` prints them";

function bytesOf(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, "hex");
  if (/^[A-Za-z0-9+/]{43}=?$/.test(text)) return Buffer.from(text, "base64");
  if (/^[A-Za-z0-9_-]{43}=?$/.test(text)) return Buffer.from(text, "base64url");
  return undefined;
}

function keyId(bytes: Buffer): string {
  return createHash("sha256")
    .update("millrace master key\n")
    .update(bytes)
    .digest("hex")
    .slice(0, 12);
}
