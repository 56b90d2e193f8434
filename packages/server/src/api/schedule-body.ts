/** What the routes of schedules share: how a spec is read from a body, and what any write may be refused with. */
import type { FastifyRequest } from "fastify";
import { readSpec } from "../scheduler/read-spec.ts";
import type { ScheduleSpec as Spec } from "../scheduler/schedule.ts";

/** What any write may be refused with. */
export const WRITES = [
  "overloaded",
  "payload-too-large",
  "unsupported-media-type",
  "invalid-body",
  "payload-corrupt",
] as const;

/**
 * The spec in a body. The schema is for the document and for types: what is wrong with a schedule is said by its reader,
 * which names what was probably meant, and all of it at once.
 * @param others members of the body that are not the spec's
 */
export function specOf(request: FastifyRequest, others: readonly string[] = []): Spec {
  const { validationError: fault, body } = request;
  if (fault !== undefined && fault.validationContext !== "body") throw fault;
  const members = typeof body === "object" && body !== null ? Object.entries(body) : [];
  const given = members.filter(([name]) => !others.includes(name));
  const spec = readSpec(Object.fromEntries(given));
  if (fault !== undefined) throw fault;
  return spec;
}
