/** What every endpoint and delivery shows of itself. */
import type { Delivery, Failing } from "@millrace/protocol";
import type { Circuit, Endpoint } from "./endpoint.ts";
import type { DeliveryRow } from "./endpoint-store.ts";

const instant = (milliseconds: number): string => new Date(milliseconds).toISOString();

export function commonView({ disabled, circuit, createdAt, updatedAt }: Endpoint) {
  return {
    ...(disabled === undefined ? {} : { disabled }),
    ...(circuit.failures === 0 ? {} : { failing: failingView(circuit) }),
    createdAt: instant(createdAt),
    updatedAt: instant(updatedAt),
  };
}

function failingView({ failures, failingSince = 0, lastError = "", openUntil }: Circuit): Failing {
  return {
    since: instant(failingSince),
    failures,
    lastError,
    ...(openUntil === undefined ? {} : { nextTryAt: instant(openUntil) }),
  };
}

export function deliveryView(row: DeliveryRow): Delivery {
  const { id, state, event, attempts, error, queuedAt, nextAt, deadAt } = row;
  return {
    id: String(id),
    state,
    event: JSON.parse(event) as Delivery["event"],
    attempts,
    ...(error === undefined ? {} : { error }),
    queuedAt: instant(queuedAt),
    ...(nextAt === undefined ? {} : { nextTryAt: instant(nextAt) }),
    ...(deadAt === undefined ? {} : { deadAt: instant(deadAt) }),
  };
}
