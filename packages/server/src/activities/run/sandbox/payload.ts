/** What crosses into a sandbox over descriptor 3: a shell program that exports the environment and sets the command. */
import { ActivityFailure } from "../../failure.ts";

/** What Linux takes for one argument or variable, and a bound for all of them together (its own is 2 MiB by default). */
const LONGEST = 131_071;
const ALTOGETHER = 1_048_576;

/**
 * @param argv command and arguments
 * @throws {ActivityFailure} `configuration` when a name or value cannot be given to a process
 */
export function payload(
  argv: readonly string[],
  environment: Readonly<Record<string, string>>,
): string {
  const variables = Object.entries(environment);
  for (const [name, value] of variables) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw refused(`environment: ${JSON.stringify(name)} is no name of an environment variable`);
    check(`environment.${name}`, value);
  }
  for (const [index, text] of argv.entries())
    check(index === 0 ? "command" : `arguments[${index - 1}]`, text);
  const all = [...argv, ...variables.flat()].reduce(
    (sum, text) => sum + Buffer.byteLength(text) + 1,
    0,
  );
  if (all > ALTOGETHER)
    throw refused(
      `arguments and environment together are longer than ${ALTOGETHER} bytes: use stdin`,
    );
  const exports = variables.map(([name, value]) => `export ${name}=${quote(value)}\n`);
  return `${exports.join("")}set -- ${argv.map(quote).join(" ")}\n`;
}

function check(place: string, text: string): void {
  if (text.includes("\0")) throw refused(`${place}: contains a NUL character`);
  if (Buffer.byteLength(text) > LONGEST)
    throw refused(
      `${place}: longer than ${LONGEST} bytes, which is what a process can be given: use stdin`,
    );
}

function refused(detail: string): ActivityFailure {
  return new ActivityFailure("configuration", detail);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
