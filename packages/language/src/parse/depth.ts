/**
 * A quick look at a text's nesting before the parser, which recurses, sees it.
 *
 * Flow brackets nest without indentation, so a short text can be very deep. Brackets inside strings and comments are
 * counted too; the allowance is generous, and the exact limit is checked on the parsed values.
 */
const ALLOWANCE = 8;

export function nestsTooDeep(text: string, maxDepth: number): boolean {
  let open = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0x5b || unit === 0x7b) {
      if (++open > maxDepth * ALLOWANCE) return true;
    } else if ((unit === 0x5d || unit === 0x7d) && open > 0) {
      open--;
    }
  }
  return blocksTooDeep(text, maxDepth);
}

/** Compact nesting on one line: `- - - - x`. */
function blocksTooDeep(text: string, maxDepth: number): boolean {
  const run = new RegExp(`(?:[-?:][ \\t]+){${maxDepth * ALLOWANCE}}`);
  return run.test(text);
}
