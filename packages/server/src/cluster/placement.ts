/** Which partition a new instance goes to, and the ids that follow from it. */
import { createHash } from "node:crypto";
import { newId, timeOf } from "@millrace/protocol";

/**
 * `start(tenant) + hash(key) mod spread(tenant)`: a small tenant stays together, a large one is spread. The one tenant of
 * today starts at 0 and is spread over all partitions.
 * @param key the idempotency key where there is one, so that its uniqueness is a fact of one partition; else random
 */
export function placement(partitions: number, key: string | number): number {
  const hash = typeof key === "number" ? key : digestOf(key).readUInt32BE(0);
  return hash % partitions;
}

/** A child's id follows from its parent's id and its local name: doing it again meets the same child. */
export function childInstanceId(parentId: string, childId: string, partitions: number): string {
  const digest = digestOf(`${parentId}/${childId}`);
  return newId(digest.readUInt32BE(16) % partitions, timeOf(parentId), digest.subarray(0, 10));
}

function digestOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
