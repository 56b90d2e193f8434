/** What the lexer makes of a program. */
export type TokenKind =
  | "name"
  | "field"
  | "variable"
  | "number"
  | "format"
  | "operator"
  | "keyword"
  | "string-start"
  | "string-text"
  | "string-end"
  | "interpolation-start"
  | "interpolation-end"
  | "end";

export interface Token {
  readonly kind: TokenKind;
  /** Name without sigil, operator or keyword as written, or the decoded text of a string. */
  readonly text: string;
  readonly offset: number;
}

const KEYWORDS = new Set([
  "as",
  "import",
  "include",
  "module",
  "def",
  "if",
  "then",
  "else",
  "elif",
  "and",
  "or",
  "end",
  "reduce",
  "foreach",
  "try",
  "catch",
  "label",
  "break",
]);

export function isKeyword(word: string): boolean {
  return KEYWORDS.has(word);
}
