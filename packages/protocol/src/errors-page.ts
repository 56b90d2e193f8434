/** Writes `docs/errors.md` from the catalogue: `npm run docs -w @millrace/protocol`. A test keeps the two equal. */
import { ERROR_CODES, ERRORS, type ErrorCode, errorType } from "./errors.ts";

const INTRODUCTION = `<!-- Generated from packages/protocol/src/errors.ts by \`npm run docs -w @millrace/protocol\`. -->
# Errors

Every error of the API is a problem document (RFC 9457, \`application/problem+json\`) of one of the kinds below.
\`code\` names the kind and never changes its meaning; \`detail\` says what happened this time; \`action\` says what to do;
\`issues\`, where present, lists the single faults as \`{path, line, column, message}\`.

\`\`\`json
{
  "type": "urn:millrace:error:workflow-conflict",
  "title": "This workflow version is already applied with other content",
  "status": 409,
  "code": "workflow-conflict",
  "action": "Raise \`document.version\`; an applied version never changes.",
  "detail": "shop/order 1.0.0 is applied with other content"
}
\`\`\`

| code | status | meaning | what to do | retry as is |
|---|---|---|---|---|
`;

function row(code: ErrorCode): string {
  const { status, title, action, retryable } = ERRORS[code];
  return `| <a id="${code}"></a>\`${code}\` | ${status} | ${title} | ${action} | ${retryable ? "yes" : "no"} |\n`;
}

/** The whole page. */
export function errorsPage(): string {
  const types = `\nThe \`type\` of a problem is \`${errorType("internal").replace("internal", "<code>")}\`.\n`;
  return INTRODUCTION + ERROR_CODES.map(row).join("") + types;
}
