/** What the vault refuses, in terms the caller can act on. */

export type VaultErrorKind =
  /** The operator gave no master key. */
  | "no-master-key"
  /** Sealed with a key that this node does not have, or changed since. */
  | "unreadable"
  | "too-large"
  /** Others change the same secret all the time. */
  | "busy";

export class VaultError extends Error {
  readonly kind: VaultErrorKind;
  constructor(kind: VaultErrorKind, message: string) {
    super(message);
    this.name = "VaultError";
    this.kind = kind;
  }
}
