/** What `call: worker` asks for, from the evaluated `with` of the task. */
import {
  isObject,
  type Json,
  type JsonObject,
  leaseProblem,
  parseDuration,
} from "@millrace/language";
import type { ActivityRequest } from "../activities/executor.ts";
import { ActivityFailure } from "../activities/failure.ts";

export const DEFAULT_POOL = "default";
/** Milliseconds without a sign of life after which a worker counts as gone. */
const DEFAULT_LEASE = 30_000;
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;

export interface Work {
  readonly function: string;
  readonly pool: string;
  readonly arguments: Json;
  /** Milliseconds. */
  readonly lease: number;
  /** Leases that may end without a sign of life; 0 for any number, undefined for what the server is set to. */
  readonly maxDeliveries: number | undefined;
}

/** @throws {ActivityFailure} `configuration` for what the definition could not be checked for, as it stood in an expression */
export function workOf({ input }: Pick<ActivityRequest, "input">): Work {
  return {
    function: nameIn(input, "function"),
    pool: input["pool"] === undefined ? DEFAULT_POOL : nameIn(input, "pool"),
    arguments: input["arguments"] ?? null,
    lease: leaseOf(input["lease"]),
    maxDeliveries: maxDeliveriesOf(input["maxDeliveries"]),
  };
}

function nameIn(input: JsonObject, key: "function" | "pool"): string {
  const value = input[key];
  if (typeof value === "string" && NAME.test(value)) return value;
  const what = typeof value === "string" ? JSON.stringify(value.slice(0, 150)) : kindOf(value);
  const detail = `with.${key}: expected a name of letters, digits, _, . and - (at most 128), got ${what}`;
  throw new ActivityFailure("configuration", detail);
}

function kindOf(value: Json | undefined): string {
  if (value === undefined || value === null) return "nothing";
  if (Array.isArray(value)) return "a list";
  return isObject(value) ? "an object" : `a ${typeof value}`;
}

function leaseOf(value: Json | undefined): number {
  if (value === undefined) return DEFAULT_LEASE;
  const problem = leaseProblem(value);
  if (problem !== undefined) throw new ActivityFailure("configuration", `with.lease: ${problem}`);
  return parseDuration(value);
}

function maxDeliveriesOf(value: Json | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  const detail = `with.maxDeliveries: expected a whole number, 0 for no limit, got ${kindOf(value)}`;
  throw new ActivityFailure("configuration", detail);
}
