/** What users write on the command line, read and checked. */
import { readFileSync } from "node:fs";
import type { Json } from "@millrace/language";
import { PRIORITY_NAMES, type PriorityName } from "@millrace/protocol";
import { CommandError, EXIT } from "./exit.ts";

export type Format = "text" | "json";

/** A file's text; `-` is standard input. */
export function readText(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "no such file" : message;
    throw new CommandError(`${file}: ${why}; give the path of a workflow definition`, EXIT.invalid);
  }
}

/** JSON, or `@file` with JSON in it (`@-`: standard input). */
export function readInput(given: string | undefined, option = "--input"): Json | undefined {
  if (given === undefined) return undefined;
  try {
    const text = given.startsWith("@")
      ? readFileSync(given === "@-" ? 0 : given.slice(1), "utf8")
      : given;
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new CommandError(
      `${option}: ${(error as Error).message}; give JSON, or @file with JSON in it`,
      EXIT.invalid,
    );
  }
}

/** `NAMESPACE/NAME`. */
export function readWorkflowName(text: string): { namespace: string; name: string } {
  const [namespace = "", name = "", ...more] = text.split("/");
  if (namespace !== "" && name !== "" && more.length === 0) return { namespace, name };
  throw new CommandError(`${text}: expected NAMESPACE/NAME, such as shop/order`, EXIT.invalid);
}

/** `P0` … `P4`. */
export function readPriority(text: string): PriorityName {
  const priority = PRIORITY_NAMES.find((name) => name === text.toUpperCase());
  if (priority !== undefined) return priority;
  throw new CommandError(
    `--priority: ${text}: expected P0 (first), P1, P2, P3 or P4 (last)`,
    EXIT.invalid,
  );
}

/** True for a workflow's name, false for an instance's id. */
export function isWorkflowName(text: string): boolean {
  return text.includes("/");
}
