/** `/healthz`, `/readyz`, `/readyz/messages`, `/metrics`: for orchestrators and Prometheus. */
import { ProblemError } from "@millrace/protocol";
import type { FastifyInstance } from "fastify";
import { DEFAULT_TENANT, type Health } from "../runtime.ts";
import type { ApiContext } from "./context.ts";

/** A store that does not answer within this time counts as gone. */
const PATIENCE_MS = 2_000;

export function probes(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    // Alive means: the process answers. What it depends on is readiness, or a restart would follow every outage.
    app.get("/healthz", { schema: { hide: true } }, async () => ({ status: "alive" }));
    app.get("/readyz", { schema: { hide: true } }, async (_request, reply) => {
      void reply.header("cache-control", "no-store");
      return asReady(await readiness(context, () => context.runtime.health()));
    });
    // Any node of a database has its messages and payloads, also one that runs no workflows because another does.
    app.get("/readyz/messages", { schema: { hide: true } }, async (_request, reply) => {
      void reply.header("cache-control", "no-store");
      return asReady(await readiness(context, () => payloadHealth(context)));
    });
    app.get("/metrics", { schema: { hide: true } }, async (_request, reply) => {
      const { contentType, text } = await context.exposition();
      void reply.type(contentType);
      return text;
    });
  };
}

function asReady({ ready, reasons }: Health): { readonly status: "ready" } {
  if (ready) return { status: "ready" };
  throw new ProblemError("unavailable", { detail: reasons.join("; "), retryAfter: 1 });
}

/** Asks the catalogue for what nobody keeps. */
async function payloadHealth({ payloads }: ApiContext): Promise<Health> {
  await payloads.find(DEFAULT_TENANT, "0".repeat(64));
  return { ready: true, reasons: [] };
}

async function readiness(
  { clock, stopping }: ApiContext,
  health: () => Promise<Health>,
): Promise<Health> {
  if (stopping.aborted) return { ready: false, reasons: ["shutting down"] };
  const late = Promise.withResolvers<Health>();
  const cancel = clock.after(PATIENCE_MS, () =>
    late.resolve({ ready: false, reasons: [`no answer from the store in ${PATIENCE_MS} ms`] }),
  );
  try {
    return await Promise.race([health(), late.promise]);
  } catch (error) {
    return { ready: false, reasons: [(error as Error).message] };
  } finally {
    cancel();
  }
}
