/** `?wait=`: answers that are held until an instance has ended. */
import { ProblemError, parseDuration } from "@millrace/protocol";
import type { FastifyRequest } from "fastify";
import type { InstanceView } from "../runtime.ts";
import type { ApiContext } from "./context.ts";

/**
 * Milliseconds that `wait` asks for.
 * @throws {ProblemError} `invalid-request` when it is no duration, or one longer than `longest`
 */
export function waitTime(
  text: string | undefined,
  longest: number,
  path = "query.wait",
): number | undefined {
  if (text === undefined) return undefined;
  const milliseconds = parseDuration(text);
  const message =
    milliseconds === undefined
      ? "expected a duration such as 30s, 500ms or PT30S"
      : `expected at most ${longest / 1_000}s (MILLRACE_MAX_WAIT)`;
  if (milliseconds !== undefined && milliseconds <= longest) return milliseconds;
  throw new ProblemError("invalid-request", {
    detail: `wait=${text}: ${message}`,
    issues: [{ path, message }],
  });
}

/** Waits as long as the caller and this server are there; what was started goes on in any case. */
export function ended(
  { runtime, stopping }: ApiContext,
  id: string,
  wait: number,
  request: FastifyRequest,
): Promise<InstanceView> {
  return whileThere(request, stopping, (signal) =>
    runtime.waitInstance(id, wait, signal).catch((error: unknown) => {
      if (signal.aborted) return runtime.getInstance(id);
      throw error;
    }),
  );
}

/** Gives `work` a signal that aborts when the caller has gone, or the server stops. */
export async function whileThere<T>(
  request: FastifyRequest,
  stopping: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  request.raw.socket.once("close", leave);
  try {
    return await work(AbortSignal.any([gone.signal, stopping]));
  } finally {
    request.raw.socket.off("close", leave);
  }
}
