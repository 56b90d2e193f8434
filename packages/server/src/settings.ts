/** How one setting is written down, and the forms that settings have. */
import { isAbsolute } from "node:path";
import { parseDuration } from "@millrace/protocol";
import { LOG_LEVELS, type LogLevel } from "./observe/levels.ts";

/** A setting that cannot be used. `message` has one line for each fault: what, where, what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export interface Setting<T> {
  readonly variable: string;
  /** As it would stand in the environment; `undefined` when there is none and the setting may be absent. */
  readonly default: string | undefined;
  readonly description: string;
  /** @throws {ConfigError} saying what was expected */
  readonly parse: (text: string) => T;
}

export function setting<T>(
  variable: string,
  fallback: string | undefined,
  description: string,
  parse: (text: string) => T,
): Setting<T> {
  return { variable, default: fallback, description, parse };
}

export const anyText = (text: string): string => text;

export function list(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

export function hostPorts(text: string): readonly string[] {
  const all = list(text);
  if (all.every((item) => /^[^\s:/]+:\d{1,5}$/.test(item))) return all;
  throw new ConfigError("expected host:port of each, such as grpc.example:50051");
}

export function keys(text: string): readonly string[] {
  const all = list(text);
  if (all.some((key) => key.length < 16)) {
    throw new ConfigError("expected keys of at least 16 characters each");
  }
  return all;
}

export function webOrigins(text: string): readonly string[] {
  const all = list(text);
  if (all.every((item) => URL.canParse(item) && new URL(item).origin === item)) return all;
  throw new ConfigError(
    "expected scheme, host and port of each alone, such as https://console.example or http://localhost:5173",
  );
}

export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new ConfigError(`expected a whole number from ${least} to ${most}`);
  };
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** `64MiB`, `1.5GiB`; without a unit, bytes. */
export function byteSize(text: string): number {
  const [, number, unit = ""] = /^(\d{1,15}(?:\.\d{1,3})?) ?(\w*)$/.exec(text) ?? [];
  const bytes = Math.round(Number(number) * (UNITS[unit] ?? Number.NaN));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new ConfigError("expected a size in bytes, or with a unit: 512KiB, 64MiB, 5GiB");
}

export function flag(text: string): boolean {
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw new ConfigError("expected true or false");
}

export function milliseconds(text: string): number {
  const value = parseDuration(text);
  if (value !== undefined && value > 0) return value;
  throw new ConfigError("expected a duration such as 10s, 500ms or PT10S");
}

export function postgresUrl(text: string): string {
  if (/^postgres(ql)?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new ConfigError("expected postgres://user:password@host:port/database");
}

export function level(text: string): LogLevel {
  const found = LOG_LEVELS.find((candidate) => candidate === text);
  if (found !== undefined) return found;
  throw new ConfigError(`expected one of ${LOG_LEVELS.join(", ")}`);
}

export function folders(text: string): readonly string[] {
  const all = list(text);
  if (all.every((item) => isAbsolute(item) && !item.includes(":"))) return all;
  throw new ConfigError("expected absolute paths without a colon, separated by commas");
}

/** Items of a list that are all among `known`. */
export function among<T extends string>(known: readonly T[]): (text: string) => readonly T[] {
  return (text) => {
    const items = list(text);
    const isKnown = (item: string): item is T => (known as readonly string[]).includes(item);
    if (items.every(isKnown)) return items;
    throw new ConfigError(`expected some of ${known.join(", ")}, separated by commas`);
  };
}

export function oneOf<T extends string>(known: readonly T[]): (text: string) => T {
  return (text) => {
    const found = known.find((item) => item === text);
    if (found !== undefined) return found;
    throw new ConfigError(`expected one of ${known.join(", ")}`);
  };
}
