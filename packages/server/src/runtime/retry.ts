/** Letting a faulted instance go on. */
import { randomUUID } from "node:crypto";
import type { Refusal } from "@millrace/engine";
import { isId, partitionOf } from "@millrace/protocol";
import type { Owner } from "../owner/owner.ts";
import { type InstanceView, type Retry, RuntimeError } from "../runtime.ts";
import { getInstance, noInstance, readInstance, type Reading } from "./instances.ts";
import { submitted } from "./submit.ts";
import type { Caller } from "./within.ts";

/** @throws {RuntimeError} as {@link Runtime.retryInstance} */
export async function retryInstance(
  { owner, ...reading }: Reading & { readonly owner: Owner },
  id: string,
  { idempotencyKey = randomUUID(), from, input }: Retry,
  caller: Caller,
): Promise<InstanceView> {
  if (!isId(id)) throw noInstance(id);
  // An id that nobody gave may name a partition that nobody owns.
  await readInstance(reading.pool, id);
  const more = { ...(from && { from }), ...(input === undefined ? {} : { input }) };
  const outcome = await submitted(owner, {
    instanceId: id,
    partition: partitionOf(id),
    command: { kind: "retry", retryId: idempotencyKey, ...more },
    caller,
  });
  if (outcome.kind === "missing") throw noInstance(id);
  if (outcome.kind === "failed") throw outcome.fault;
  if (outcome.refusal !== undefined) throw refused(id, outcome.refusal);
  return getInstance(reading, id);
}

function refused(id: string, { what, detail }: Refusal): RuntimeError {
  const message = `instance ${id} cannot be retried: ${detail}`;
  if (what === "state") return new RuntimeError("not-retryable", message);
  const issues = [{ path: `body.${what}`, message: detail }];
  return new RuntimeError("invalid-input", `body.${what}: ${detail}`, { issues });
}
