/** `millrace secret set|list|delete|rotate-keys`. A value is read from standard input: arguments are seen by everyone. */
import type { Json } from "@millrace/sdk";
import { type ClientOptions, connect } from "../client.ts";
import type { Format } from "../arguments.ts";
import { CommandError, EXIT } from "../exit.ts";
import { complain, instant, print, printJson, table } from "../output.ts";
import { readSecret } from "../read-secret.ts";

export async function setSecret(
  name: string,
  options: ClientOptions & { readonly json?: boolean },
): Promise<void> {
  const client = connect(options);
  const text = await readSecret(`value of ${name}: `);
  if (text === "") throw new CommandError("standard input holds no value", EXIT.invalid);
  const { version } = await client.secrets.set(name, options.json === true ? parse(text) : text);
  print(`${name}: version ${version}`);
}

/** JavaScript's own message would quote the text. */
function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw new CommandError("--json: standard input is not JSON", EXIT.invalid);
  }
}

export async function listSecrets(
  options: ClientOptions & { readonly output: Format },
): Promise<void> {
  const rows = await Array.fromAsync(connect(options).secrets.list({ limit: 500 }));
  if (options.output === "json") return printJson(rows);
  const cells = rows.map(({ name, version, createdAt, updatedAt }) => [
    name,
    String(version),
    instant(createdAt),
    instant(updatedAt),
  ]);
  print(table(["name", "version", "created", "set"], cells, "no secrets"));
}

export async function deleteSecrets(
  names: readonly string[],
  options: ClientOptions,
): Promise<void> {
  const { secrets } = connect(options);
  for (const name of names) {
    await secrets.delete(name);
    complain(`${name}: deleted`);
  }
}

export async function rotateKeys(
  options: ClientOptions & { readonly dataKeys?: boolean },
): Promise<void> {
  const dataKeys = options.dataKeys ?? false;
  const done = await connect(options).secrets.rotateKeys({ dataKeys });
  print(
    `master key ${done.masterKey}: ${done.keysWrapped} data keys wrapped anew, ` +
      `${done.secretsSealed} secrets encrypted anew, ${done.keysDropped} data keys dropped`,
  );
}
