/** A prepared statement with its values: named, so that each connection parses and plans it once. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}
