/** A command somebody waits for. */
import type { Entry, Outcome } from "../owner/entry.ts";
import type { Owner } from "../owner/owner.ts";
import { asRuntimeError } from "./outage.ts";

/**
 * Resolves when what the command did is durable.
 * @throws {RuntimeError} `not-owner`, `unavailable`
 */
export function submitted(
  owner: Owner,
  entry: Omit<Entry, "done" | "fail" | "message" | "timer" | "activity" | "tries">,
): Promise<Outcome> {
  return new Promise((done, fail) => {
    owner.submit({ ...entry, done, fail: (error) => fail(asRuntimeError(error)) });
  });
}
