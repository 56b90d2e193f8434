/** Parses `WWW-Authenticate` (RFC 9110 §11.6.1): a list of challenges, each a scheme with parameters. */
export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** Names in lower case, quotes and escapes removed. */
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(
  `\\s*(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${TOKEN}))\\s*(?:,|$)`,
  "y",
);
const SCHEME = new RegExp(`[\\s,]*(${TOKEN})(?:\\s+|\\s*(?=,)|$)`, "y");
const TOKEN68 = /[A-Za-z0-9._~+/-]+=*\s*(?:,|$)/y;

/** The challenges of a header in which several may stand behind each other. What cannot be read ends the list. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: Challenge[] = [];
  let position = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const found = pattern.exec(header);
    if (found !== null) position = pattern.lastIndex;
    return found;
  };
  while (position < header.length) {
    const scheme = match(SCHEME)?.[1];
    if (scheme === undefined) break;
    const parameters: Record<string, string> = {};
    for (let found = match(PARAMETER); found !== null; found = match(PARAMETER)) {
      const [, name = "", quoted, token] = found;
      parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, "$1") ?? token ?? "";
    }
    if (Object.keys(parameters).length === 0) match(TOKEN68);
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
  }
  return challenges;
}
