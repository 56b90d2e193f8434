/** Secrets, for those who put a server together of other parts, and for tests. */
export { type Keyring, openKeyring } from "./keyring.ts";
export { formsOf, LogRedaction } from "./redact.ts";
export type * from "./store.ts";
export { type SecretSummary, Vault } from "./vault.ts";
export { VaultError } from "./vault-error.ts";
