/** A server on a database of its own, its workflows for workers, and a worker by hand. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type {
  Checkpoint,
  CheckpointRequest,
  Instance,
  Json,
  Problem,
  WorkerLease,
  WorkerPoll,
  WorkerTask,
  WorkerTasks,
} from "@millrace/protocol";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import { loadConfig, type Server, silentLogger, startServer } from "@millrace/server";
import pg from "pg";

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

/** `with` of the one task of a workflow `test/NAME`. */
export function calling(name: string, arguments_: string, more = ""): string {
  return `document: { dsl: '1.0.3', namespace: test, name: ${name}, version: '1.0.0' }
do: [ { work: { call: worker, with: ${arguments_}${more} } } ]`;
}

export class ApiOf {
  readonly url: string;
  constructor(url: string) {
    this.url = url;
  }

  async post<T>(path: string, body?: unknown): Promise<Answer<T>> {
    const response = await fetch(`${this.url}${path}`, {
      method: "POST",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = (text === "" ? undefined : JSON.parse(text)) as T;
    return { status: response.status, headers: response.headers, body: parsed };
  }

  async apply(text: string): Promise<void> {
    const response = await fetch(`${this.url}/v1/workflows`, {
      method: "POST",
      headers: { "content-type": "application/yaml" },
      body: text,
    });
    assert.equal(response.status, 201, await response.text());
  }

  async start(name: string, input: Json = {}): Promise<string> {
    const { body, status } = await this.post<{ id: string }>(
      `/v1/workflows/test/${name}/instances`,
      {
        input,
      },
    );
    assert.equal(status, 201);
    return body.id;
  }

  async instance(id: string): Promise<Instance> {
    return (await (await fetch(`${this.url}/v1/instances/${id}`)).json()) as Instance;
  }

  async poll(more: Partial<WorkerPoll> = {}): Promise<WorkerTasks> {
    const request = { worker: "by hand", functions: ["work"], wait: "30s", ...more };
    const { status, body } = await this.post<WorkerTasks>("/v1/workers/poll", request);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  }

  /** The next task. */
  async task(more: Partial<WorkerPoll> = {}): Promise<WorkerTask> {
    const { tasks } = await this.poll(more);
    const [task] = tasks;
    assert.ok(task, "no task came");
    return task;
  }

  async say<T = WorkerLease>(
    { token }: Pick<WorkerTask, "token">,
    what: string,
    body?: unknown,
  ): Promise<Answer<T & Partial<Problem>>> {
    return this.post(`/v1/workers/tasks/${token}/${what}`, body);
  }

  checkpoint(task: WorkerTask, body: CheckpointRequest): Promise<Answer<Checkpoint & Problem>> {
    return this.say(task, "checkpoint", body);
  }

  /** Waits for the end: the stream of its facts has one. */
  async ended(id: string): Promise<Instance> {
    await (await fetch(`${this.url}/v1/instances/${id}/events`)).text();
    return this.instance(id);
  }
}

export interface Served {
  readonly api: ApiOf;
  readonly database: TestDatabase;
  /** Rows of a query. */
  readonly rows: (text: string) => Promise<readonly Record<string, unknown>[]>;
  /** Another server on the same database. */
  readonly beside: () => Promise<ApiOf>;
  /** Stops the first server. */
  readonly stop: () => Promise<void>;
}

/** Ends with the test. */
export async function serve(
  test: TestContext,
  workflows: readonly string[],
  environment: Record<string, string> = {},
): Promise<ApiOf> {
  return (await serveWhole(test, workflows, environment)).api;
}

/** The same, with its database. */
export async function serveWhole(
  test: TestContext,
  workflows: readonly string[],
  environment: Record<string, string> = {},
): Promise<Served> {
  const database = await createDatabase();
  const servers: Server[] = [];
  const start = async (): Promise<Server> => {
    const config = loadConfig(environment, { databaseUrl: database.url, port: 0 });
    const server = await startServer(config, { log: silentLogger });
    servers.push(server);
    return server;
  };
  const server = await start();
  const pool = new pg.Pool({ connectionString: database.url, max: 1 });
  test.after(async () => {
    await Promise.all(servers.map((one) => one.stop()));
    await pool.end();
    await database.drop();
  });
  const api = new ApiOf(server.url);
  for (const text of workflows) await api.apply(text);
  return {
    api,
    database,
    rows: async (text) => (await pool.query(text)).rows,
    beside: async () => new ApiOf((await start()).url),
    stop: () => server.stop(),
  };
}
