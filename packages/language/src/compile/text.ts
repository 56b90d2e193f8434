/** Finds `${ … }` in text: jq inside may hold braces and strings with braces of their own. */

export interface ExpressionPiece {
  readonly kind: "expression";
  /** The jq inside. */
  readonly source: string;
  /** Where `source` starts in the whole text. */
  readonly offset: number;
  /** The piece as written, `${` and `}` included. */
  readonly text: string;
}
export type TextPiece = { readonly kind: "text"; readonly text: string } | ExpressionPiece;

export interface SplitText {
  readonly pieces: readonly TextPiece[];
  /** Offset of a `${` that nothing closes; it is text from there on. */
  readonly unclosed?: number;
}

/** A string that is wholly one `${ … }`, spaces around it allowed. */
export function wholeExpression(text: string): ExpressionPiece | undefined {
  const start = text.length - text.trimStart().length;
  if (!text.startsWith("${", start)) return undefined;
  const end = endOf(text, start + 2);
  if (end === undefined || text.slice(end).trim() !== "") return undefined;
  return pieceAt(text, start, end);
}

/** The pieces of a text with `${ … }` inside. */
export function splitText(text: string): SplitText {
  const pieces: TextPiece[] = [];
  let from = 0;
  let unclosed: number | undefined;
  for (;;) {
    const open = text.indexOf("${", from);
    if (open === -1) break;
    const end = endOf(text, open + 2);
    if (end === undefined) {
      unclosed = open;
      break;
    }
    if (open > from) pieces.push({ kind: "text", text: text.slice(from, open) });
    pieces.push(pieceAt(text, open, end));
    from = end;
  }
  if (from < text.length) pieces.push({ kind: "text", text: text.slice(from) });
  return unclosed === undefined ? { pieces } : { pieces, unclosed };
}

function pieceAt(text: string, start: number, end: number): ExpressionPiece {
  const inside = text.slice(start + 2, end - 1);
  const source = inside.trim();
  const offset = start + 2 + (inside.length - inside.trimStart().length);
  return { kind: "expression", source, offset, text: text.slice(start, end) };
}

/**
 * The offset behind the brace that closes what opened before `from`; `undefined` when none does.
 *
 * A stack of what is open: `{` and `(` hold code, `"` holds a string, in which `\\(` opens code again. A stack and not
 * recursion, because the text may nest as deep as it likes.
 */
function endOf(text: string, from: number): number | undefined {
  const open = ["{"];
  for (let at = from; at < text.length; at += 1) {
    const char = text.charAt(at);
    const inString = open.at(-1) === '"';
    if (inString && char === "\\") {
      at += 1;
      if (text[at] === "(") open.push("(");
    } else if (inString) {
      if (char === '"') open.pop();
    } else if (char === "#") {
      const line = text.indexOf("\n", at);
      // On a single line, a comment would swallow the closing brace: then it is none.
      if (line !== -1) at = line;
    } else if (char === '"' || char === "{" || char === "(") {
      open.push(char);
    } else if (char === CLOSING[open.at(-1) ?? ""]) {
      open.pop();
      if (open.length === 0) return at + 1;
    }
  }
  return undefined;
}

const CLOSING: Readonly<Record<string, string>> = { "{": "}", "(": ")" };
