/**
 * Reads the format of jq's own test files.
 *
 * A case is a line of program, a line of input and a line per expected output; a blank line or a comment ends it. After
 * `%%FAIL` or `%%FAIL IGNORE MSG` comes a program that must not compile, then the lines of jq's message. Lines that are
 * blank or start with `#`, after any blanks, are otherwise skipped.
 */

/** A program with its input and outputs, as JSON text. */
export interface RunCase {
  readonly kind: "run";
  /** Line of the program in its file, from 1. */
  readonly line: number;
  readonly program: string;
  readonly input: string;
  readonly outputs: readonly string[];
}

/** A program that must be refused when compiled. */
export interface RefusedCase {
  readonly kind: "refused";
  readonly line: number;
  readonly program: string;
}

export type SuiteCase = RunCase | RefusedCase;

const isSkipped = (line: string): boolean => /^[ \t]*(#|$)/.test(line);
const isFailMark = (line: string): boolean => line === "%%FAIL" || line === "%%FAIL IGNORE MSG";

export function readSuite(text: string): SuiteCase[] {
  const lines = text.split("\n");
  const cases: SuiteCase[] = [];
  let at = 0;
  /** The lines up to the end of the case. */
  const block = (): string[] => {
    const start = at;
    while (at < lines.length && !isSkipped(lines[at] as string)) at += 1;
    return lines.slice(start, at);
  };
  while (at < lines.length) {
    if (isSkipped(lines[at] as string)) {
      at += 1;
      continue;
    }
    const refused = isFailMark(lines[at] as string);
    if (refused) at += 1;
    const line = at + 1;
    const program = lines[at++] as string;
    if (refused) {
      block();
      cases.push({ kind: "refused", line, program });
    } else {
      const input = lines[at++];
      if (input === undefined) throw new Error(`line ${line}: the case has no input`);
      cases.push({ kind: "run", line, program, input, outputs: block() });
    }
  }
  return cases;
}
