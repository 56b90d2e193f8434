/** The HTTP API on a {@link MemoryRuntime}, on a free port of loopback: for tests of the API alone. */
import type { TestContext } from "node:test";
import { type ApiOptions, type ApiServer, startApi } from "@millrace/server/api";
import { type Schedules, Workers } from "@millrace/server/ports";
import { type Config, loadConfig } from "@millrace/server/config";
import { PayloadError, type Payloads } from "@millrace/server/payloads";
import { RuntimeError } from "@millrace/server/runtime";
import { openKeyring, Vault } from "@millrace/server/secrets";
import { MemoryRuntime } from "./memory-runtime.ts";
import { MemorySecretStore } from "./memory-secrets.ts";
export { MemoryRuntime } from "./memory-runtime.ts";

/** A `Clock` whose timers a test fires. */
export class ManualTimers {
  readonly #waiting = new Set<() => void>();
  now(): number {
    return 0;
  }
  monotonic(): number {
    return 0;
  }
  after(_ms: number, run: () => void): () => void {
    this.#waiting.add(run);
    return () => this.#waiting.delete(run);
  }
  defer(run: () => void): void {
    setImmediate(run);
  }
  get waiting(): number {
    return this.#waiting.size;
  }
  /** Fires every timer that is waiting now. */
  fire(): void {
    const due = Array.from(this.#waiting);
    this.#waiting.clear();
    for (const run of due) run();
  }
}

export interface TestApi {
  readonly url: string;
  readonly runtime: MemoryRuntime;
  readonly timers: ManualTimers;
  readonly server: ApiServer;
  readonly workers: Workers;
  /** What was logged, in order. */
  readonly logged: { readonly level: string; readonly fields: object; readonly message: string }[];
  /** `fetch` of a path of the API. */
  readonly call: (path: string, init?: RequestInit) => Promise<Response>;
  /** POSTs a value as JSON. */
  readonly post: (
    path: string,
    body: unknown,
    headers?: Record<string, string>,
  ) => Promise<Response>;
}

/** Schedules need an owner's loop: who asks for one here is told so. */
export const noSchedules = new Proxy({} as Schedules, {
  get: () => async () => {
    throw new RuntimeError("unavailable", "this server has no schedules");
  },
});

/** Payloads need a database: `payload-api.ts` has one. Who asks for one here is told so. */
const noPayloads = new Proxy({} as Payloads, {
  get: () => async () => {
    throw new PayloadError("unavailable", "this server has no payloads");
  },
});

/** Stops with the test. */
export async function startTestApi(
  test: TestContext,
  overrides: Partial<Config> = {},
  parts: Partial<Pick<ApiOptions, "payloads" | "requestTimeout">> = {},
): Promise<TestApi> {
  const runtime = new MemoryRuntime();
  const timers = new ManualTimers();
  const logged: TestApi["logged"] = [];
  const say = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, fields, message });
  const config = { ...loadConfig({}), port: 0, ...overrides };
  const store = new MemorySecretStore();
  const workers = new Workers({ clock: timers });
  const server = await startApi({
    runtime,
    payloads: noPayloads,
    schedules: noSchedules,
    secrets: new Vault(store, await openKeyring(config, timers), timers),
    workers,
    config,
    log: { debug: () => {}, info: say("info"), warn: say("warn"), error: say("error") },
    metrics: { activityFinished() {}, breakerChanged() {}, eventsAccepted() {}, httpRequest() {} },
    clock: timers,
    exposition: async () => ({ contentType: "text/plain; version=0.0.4", text: "up 1\n" }),
    ...parts,
  });
  test.after(() => server.stop(AbortSignal.abort()));
  const call = (path: string, init?: RequestInit) => fetch(server.url + path, init);
  return {
    url: server.url,
    runtime,
    timers,
    server,
    workers,
    logged,
    call,
    post: (path, body, headers = {}) =>
      call(path, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: typeof body === "string" ? body : JSON.stringify(body),
      }),
  };
}
