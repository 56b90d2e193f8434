/** Ours, started and awaited in the process of the runtime. */
import type { Contender, Job } from "../job.ts";
import { openNode } from "./node.ts";
import { NAMESPACE, nameOf } from "./workflows.ts";

/** Milliseconds after which an instance that has not ended fails the measurement. */
const PATIENCE = 60_000;

export async function ours({
  databaseUrl,
  steps,
}: Pick<Job, "databaseUrl" | "steps">): Promise<Contender> {
  const host = await openNode(databaseUrl, steps);
  const { runtime } = host;
  const workflow = { namespace: NAMESPACE, name: nameOf(steps) };
  return {
    async work(n) {
      const { id } = await runtime.startInstance({ ...workflow, input: { n } });
      expectEnd(await runtime.waitInstance(id, PATIENCE), n + steps);
    },
    counters: () => {
      const { transitions, commits, instancesCompleted } = runtime.stats().counters;
      return { transitions, commits, instancesCompleted };
    },
    close: () => host.stop(),
  };
}

/** @throws unless the instance has done all its steps */
export function expectEnd(
  {
    id,
    status,
    output,
  }: { readonly id: string; readonly status: string; readonly output?: unknown },
  n: number,
): void {
  const got = (output as { readonly n?: number } | undefined)?.n;
  if (status !== "completed" || got !== n)
    throw new Error(`${id} is ${status} with ${got}, not ${n}`);
}
