/** The vault of a server: its master keys, and the secrets in its database. */
import { type Config, ConfigError } from "../config.ts";
import type { Clock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { openPool } from "../runtime/open.ts";
import { postgresSecretStore } from "../store/postgres/secret-store.ts";
import { type KeyringConfig, openKeyring } from "./keyring.ts";
import { Vault } from "./vault.ts";

/** Activities wait for nothing but the values they use, which are few and remembered for a while. */
const CONNECTIONS = 2;

export interface OpenVault {
  readonly vault: Vault;
  close(): Promise<void>;
}

/** The database is not asked before a secret is. @throws {ConfigError} when the master keys cannot be read */
export async function openVault(
  config: KeyringConfig & Pick<Config, "databaseUrl">,
  clock: Clock,
  log: Logger,
): Promise<OpenVault> {
  const keyring = await openKeyring(config, clock);
  const store = postgresSecretStore(() => {
    if (config.databaseUrl === undefined)
      throw new ConfigError("MILLRACE_DATABASE_URL: not set; secrets are kept in the database");
    return openPool(config.databaseUrl, log, CONNECTIONS, "");
  });
  return { vault: new Vault(store, keyring, clock), close: () => store.close() };
}
