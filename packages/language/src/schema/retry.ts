/** Retry policies (reference, "Retry"). */
import { duration, freeObject } from "./common.ts";
import { documented, either, integer, keyed, object, string } from "./type.ts";
import type { Static } from "./type.ts";

const backoff = keyed("backoff", {
  constant: object({ must: { constant: freeObject } }),
  exponential: object({ must: { exponential: freeObject } }),
  linear: object({ must: { linear: freeObject } }),
});

export const retryPolicy = object({
  may: {
    when: documented("Expression: retry only when true.", string()),
    exceptWhen: documented("Expression: do not retry when true.", string()),
    delay: duration,
    backoff: documented("How the delay grows from one attempt to the next.", backoff),
    limit: object({
      may: {
        attempt: object({
          may: { count: documented("Most retries.", integer()), duration },
        }),
        duration,
      },
    }),
    jitter: object({ must: { from: duration, to: duration } }),
  },
});
export type RetryPolicyDefinition = Static<typeof retryPolicy>;

export const retryOrReference = documented(
  "A retry policy, or the name of one of `use.retries`.",
  either("a retry policy, or the name of one", retryPolicy, string()),
);
