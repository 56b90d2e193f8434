/**
 * A quick look at a text's nesting before the parser, which recurses, sees it.
 *
 * Brackets inside strings and comments, and the indentation of long texts, are counted too; so twice the depth is
 * allowed here, and the exact limit is checked on the parsed values.
 */
const ALLOWANCE = 2;

export function nestsTooDeep(text: string, maxDepth: number): boolean {
  const most = maxDepth * ALLOWANCE;
  return bracketsTooDeep(text, most) || indentsTooDeep(text, most) || runsTooDeep(text, most);
}

/** `[[[[` and `{a: {a:`, which nest without indentation. */
function bracketsTooDeep(text: string, most: number): boolean {
  let open = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x5b || unit === 0x7b) {
      if (++open > most) return true;
    } else if ((unit === 0x5d || unit === 0x7d) && open > 0) {
      open--;
    }
  }
  return false;
}

/** Lines that each go further in than all lines around them. */
function indentsTooDeep(text: string, most: number): boolean {
  const indents: number[] = [];
  for (const line of text.split("\n")) {
    const content = line.trimStart();
    if (content === "") continue;
    const indent = line.length - content.length;
    while ((indents.at(-1) ?? -1) >= indent) indents.pop();
    indents.push(indent);
    if (indents.length > most) return true;
  }
  return false;
}

/** Compact nesting on one line: `- - - - x`. */
function runsTooDeep(text: string, most: number): boolean {
  return new RegExp(`(?:[-?:][ \\t]+){${most}}`).test(text);
}
