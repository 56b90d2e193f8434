/** What a campaign found, as text. */
import type { Summary } from "./campaign.ts";
import type { Case } from "./outcome.ts";

const shellWord = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The command that shows a case again. */
export function replay({ program, input }: Case, jq: string): string {
  const where = jq === "jq" ? "" : ` --jq ${shellWord(jq)}`;
  // A program such as `-1` must not be taken for an option.
  const text = `--program=${shellWord(program)} --input=${shellWord(JSON.stringify(input))}`;
  return `npm run fuzz:jq --${where} ${text}`;
}

export function describeSummary(summary: Summary): string {
  const { cases, equal, errors, refused, listed, unlisted } = summary;
  const lines = [`${cases} cases: ${equal} equal (${errors} of them errors, ${refused} refused)`];
  for (const [{ name, reason }, count] of listed) {
    if (count > 0) lines.push(`${count} listed: ${name} (${reason})`);
  }
  lines.push(`${unlisted.length} not listed`);
  return lines.join("\n");
}
