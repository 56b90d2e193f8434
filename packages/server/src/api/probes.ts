/** `/healthz`, `/readyz`, `/metrics`: for orchestrators and Prometheus. */
import { ProblemError } from "@millrace/protocol";
import type { FastifyInstance } from "fastify";
import type { Health } from "../runtime.ts";
import type { ApiContext } from "./context.ts";

/** A store that does not answer within this time counts as gone. */
const PATIENCE_MS = 2_000;

export function probes(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    // Alive means: the process answers. What it depends on is readiness, or a restart would follow every outage.
    app.get("/healthz", { schema: { hide: true } }, async () => ({ status: "alive" }));
    app.get("/readyz", { schema: { hide: true } }, async (_request, reply) => {
      const { ready, reasons } = await readiness(context);
      void reply.header("cache-control", "no-store");
      if (ready) return { status: "ready" };
      throw new ProblemError("unavailable", { detail: reasons.join("; "), retryAfter: 1 });
    });
    app.get("/metrics", { schema: { hide: true } }, async (_request, reply) => {
      const { contentType, text } = await context.exposition();
      void reply.type(contentType);
      return text;
    });
  };
}

async function readiness({ runtime, clock, stopping }: ApiContext): Promise<Health> {
  if (stopping.aborted) return { ready: false, reasons: ["shutting down"] };
  const late = Promise.withResolvers<Health>();
  const cancel = clock.after(PATIENCE_MS, () =>
    late.resolve({ ready: false, reasons: [`no answer from the store in ${PATIENCE_MS} ms`] }),
  );
  try {
    return await Promise.race([runtime.health(), late.promise]);
  } catch (error) {
    return { ready: false, reasons: [(error as Error).message] };
  } finally {
    cancel();
  }
}
