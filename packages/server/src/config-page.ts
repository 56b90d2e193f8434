/** `docs/configuration.md`, from the table of settings: `npm run docs -w @millrace/server`. A test keeps the two equal. */
import { SETTINGS } from "./config.ts";

const INTRODUCTION = `<!-- Generated from packages/server/src/config.ts by \`npm run docs -w @millrace/server\`. -->
# Configuration

The server reads these environment variables when it starts; options on the command line win over them. A value that
cannot be used stops the start with one line that says which and what was expected. Durations are written \`10s\`, \`500ms\`,
\`2m\` or \`PT10S\`; lists are separated by commas. A \`MILLRACE_\` variable that is none of these is named in a warning.

| variable | default | meaning |
|---|---|---|
`;

/** The whole page. */
export function configPage(): string {
  const rows = Object.values(SETTINGS).map((setting) => {
    const fallback =
      setting.default === undefined || setting.default === "" ? "none" : `\`${setting.default}\``;
    return `| \`${setting.variable}\` | ${fallback} | ${setting.description} |\n`;
  });
  return INTRODUCTION + rows.join("");
}
