/** Retry policies: durations as users write them, and milliseconds. */
import { type Issue, parseDuration, type RetryPolicy } from "@millrace/protocol";
import type { Retry } from "./endpoint.ts";

/** Milliseconds. */
const LEAST = 100;
const MOST = 30 * 86_400_000;

/** @param issues gets what is wrong */
export function retryOf(given: RetryPolicy | undefined, before: Retry, issues: Issue[]): Retry {
  const read = (name: keyof Retry): number => {
    const text = given?.[name];
    if (text === undefined) return before[name];
    const milliseconds = parseDuration(text);
    const path = `retry.${name}`;
    if (milliseconds === undefined) issues.push({ path, message: `${text} is no duration` });
    else if (milliseconds < LEAST || milliseconds > MOST)
      issues.push({ path, message: `${text} is not between 100ms and 30d` });
    return milliseconds ?? before[name];
  };
  const retry = {
    minDelay: read("minDelay"),
    maxDelay: read("maxDelay"),
    giveUpAfter: read("giveUpAfter"),
  };
  if (retry.minDelay > retry.maxDelay)
    issues.push({ path: "retry.minDelay", message: "is longer than retry.maxDelay" });
  return retry;
}

export function retryView({ minDelay, maxDelay, giveUpAfter }: Retry): Required<RetryPolicy> {
  return {
    minDelay: isoDuration(minDelay),
    maxDelay: isoDuration(maxDelay),
    giveUpAfter: isoDuration(giveUpAfter),
  };
}

function isoDuration(milliseconds: number): string {
  if (milliseconds % 86_400_000 === 0) return `P${milliseconds / 86_400_000}D`;
  if (milliseconds % 3_600_000 === 0) return `PT${milliseconds / 3_600_000}H`;
  if (milliseconds % 60_000 === 0) return `PT${milliseconds / 60_000}M`;
  return `PT${milliseconds / 1_000}S`;
}
