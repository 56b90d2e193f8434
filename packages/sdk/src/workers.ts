import type {
  Checkpoint,
  CheckpointRequest,
  FailTask,
  Json,
  WorkerInfo,
  WorkerLease,
  WorkerList,
  WorkerPoll,
  WorkerTasks,
} from "@millrace/protocol";
import { parseDuration } from "@millrace/protocol";
import { everyRow } from "./pages.ts";
import type { Transport } from "./transport.ts";

export interface WorkerListOptions {
  /** Rows in a page, 1 … 500. */
  readonly limit?: number;
}

/**
 * `/v1/workers`: who the workers are, and what {@link Worker} is made of. Methods reject with a {@link MillraceError}: `task-lost` when the task is not in
 * this worker's hands any more, and nothing of what was sent has an effect.
 */
export class Workers {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Every worker that asks the server for tasks, by name. One without tasks is forgotten when it was not heard of for ten
   * minutes.
   */
  list(options: WorkerListOptions = {}): AsyncGenerator<WorkerInfo, void, undefined> {
    return everyRow((cursor) =>
      this.listPage({ ...options, ...(cursor === undefined ? {} : { cursor }) }),
    );
  }

  listPage(options: WorkerListOptions & { readonly cursor?: string } = {}): Promise<WorkerList> {
    return this.#transport.json({ method: "GET", path: "/v1/workers", query: { ...options } });
  }

  /** Tasks, each under a lease; the answer is held for `wait` when there are none. */
  poll(request: WorkerPoll, signal?: AbortSignal): Promise<WorkerTasks> {
    const held = parseDuration(request.wait ?? "") ?? 0;
    return this.#transport.json({ ...post("poll", request), held, signal });
  }

  /** Renews the lease. */
  heartbeat(token: string, signal?: AbortSignal): Promise<WorkerLease> {
    return this.#transport.json({ ...post(`tasks/${token}/heartbeat`), signal });
  }

  /** Resolves when it is durable; renews the lease. */
  checkpoint(
    token: string,
    checkpoint: CheckpointRequest,
    signal?: AbortSignal,
  ): Promise<Checkpoint> {
    return this.#transport.json({ ...post(`tasks/${token}/checkpoint`, checkpoint), signal });
  }

  /** Resolves when the instance has the output durably. */
  async complete(token: string, output: Json = null, signal?: AbortSignal): Promise<void> {
    await this.#transport.text({ ...post(`tasks/${token}/complete`, { output }), signal });
  }

  /** Resolves when the instance has the error durably. */
  async fail(token: string, failure: FailTask, signal?: AbortSignal): Promise<void> {
    await this.#transport.text({ ...post(`tasks/${token}/fail`, failure), signal });
  }

  /** Gives the task back: another worker may do it. */
  async release(token: string, signal?: AbortSignal): Promise<void> {
    await this.#transport.text({ ...post(`tasks/${token}/release`), signal });
  }
}

function post(path: string, body?: object) {
  return {
    method: "POST",
    path: `/v1/workers/${path}`,
    ...(body === undefined
      ? {}
      : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
  } as const;
}
