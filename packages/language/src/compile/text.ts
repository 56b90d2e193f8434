/** Finds `${ … }` in text: jq inside may hold braces and strings with braces of their own. */

export type TextPiece =
  | { readonly kind: "text"; readonly text: string }
  /** `text` is the piece as written, `source` the jq inside. */
  | { readonly kind: "expression"; readonly source: string; readonly text: string };

/** The jq of a string that is wholly one `${ … }`, spaces around it allowed. */
export function wholeExpression(text: string): string | undefined {
  const trimmed = text.trim();
  if (!trimmed.startsWith("${")) return undefined;
  const end = endOf(trimmed, 2);
  return end === trimmed.length ? trimmed.slice(2, -1).trim() : undefined;
}

/** The pieces of a text with `${ … }` inside; `undefined` when there is none. An unclosed `${` is text. */
export function splitText(text: string): readonly TextPiece[] | undefined {
  const pieces: TextPiece[] = [];
  let from = 0;
  for (;;) {
    const open = text.indexOf("${", from);
    const end = open === -1 ? undefined : endOf(text, open + 2);
    if (end === undefined) break;
    if (open > from) pieces.push({ kind: "text", text: text.slice(from, open) });
    const source = text.slice(open + 2, end - 1).trim();
    pieces.push({ kind: "expression", source, text: text.slice(open, end) });
    from = end;
  }
  if (pieces.length === 0) return undefined;
  if (from < text.length) pieces.push({ kind: "text", text: text.slice(from) });
  return pieces;
}

/** The offset behind the brace that closes what opened before `from`; `undefined` when none does. */
function endOf(text: string, from: number): number | undefined {
  let depth = 1;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at + 1);
      if (end === undefined) return undefined;
      at = end - 1;
    } else if (char === "#") {
      const line = text.indexOf("\n", at);
      if (line === -1) continue;
      at = line;
    } else if (char === "{") depth += 1;
    else if (char === "}") {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

/** The offset behind a jq string's closing quote; `\( … )` inside may hold strings again. */
function endOfString(text: string, from: number): number | undefined {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '"') return at + 1;
    if (text[at] !== "\\") continue;
    if (text[at + 1] !== "(") {
      at += 1;
      continue;
    }
    const end = endOfInterpolation(text, at + 2);
    if (end === undefined) return undefined;
    at = end - 1;
  }
  return undefined;
}

function endOfInterpolation(text: string, from: number): number | undefined {
  let depth = 1;
  for (let at = from; at < text.length; at += 1) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at + 1);
      if (end === undefined) return undefined;
      at = end - 1;
    } else if (char === "(") depth += 1;
    else if (char === ")") {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}
