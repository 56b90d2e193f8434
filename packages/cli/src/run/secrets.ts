/**
 * The secrets of a run: from a file (`--secrets-file`) and from the environment (`MILLRACE_SECRET_NAME`), which wins. They
 * stay in memory. A value that is an object of JSON is taken as one, every other is text.
 */
import { readFileSync } from "node:fs";
import { parseEnv } from "node:util";
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { CommandError, EXIT } from "../exit.ts";

export interface SecretValues {
  get(tenant: string, name: string): Promise<Json | undefined>;
}

const PREFIX = "MILLRACE_SECRET_";

/** @param file an object of JSON, or lines of `NAME=value` as in a `.env` file */
export function secretsFor(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): SecretValues {
  const fromFile = file === undefined ? {} : readSecrets(file);
  return {
    get(_tenant, name) {
      const variable = [name, name.toUpperCase().replaceAll(/[^A-Z0-9]/g, "_")]
        .map((each) => environment[PREFIX + each])
        .find((text) => text !== undefined);
      if (variable !== undefined) return Promise.resolve(valueOf(variable));
      return Promise.resolve(Object.hasOwn(fromFile, name) ? fromFile[name] : undefined);
    },
  };
}

function readSecrets(file: string): JsonObject {
  const content = textOf(file);
  if (!content.trimStart().startsWith("{")) {
    const lines = Object.entries(parseEnv(content));
    return Object.fromEntries(lines.map(([name, text]) => [name, valueOf(text ?? "")]));
  }
  const parsed = objectIn(content);
  // What JSON.parse says would quote the file.
  if (parsed === undefined)
    throw new CommandError(`--secrets-file ${file}: not an object of JSON`, EXIT.invalid);
  return parsed;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CommandError(`--secrets-file ${file}: cannot be read (${code})`, EXIT.invalid);
  }
}

function valueOf(text: string): Json {
  return (text.trimStart().startsWith("{") ? objectIn(text) : undefined) ?? text;
}

function objectIn(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
