/** `/v1/workers`: remote workers ask for tasks, and say what becomes of them. */
import { canonicalErrorType } from "@millrace/language";
import { ProblemError } from "@millrace/protocol";
import {
  Checkpoint,
  CheckpointRequest,
  CompleteTask,
  FailTask,
  ref,
  WorkerLease,
  WorkerList,
  WorkerListQuery,
  WorkerPoll,
  WorkerTaskPath,
  WorkerTasks,
} from "@millrace/protocol/schemas";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteShorthandOptions } from "fastify";
import { ActivityFailure } from "../activities/failure.ts";
import { DEFAULT_TENANT } from "../runtime.ts";
import { decodeCursor, encodeCursor } from "../runtime/cursors.ts";
import type { NewCheckpoint } from "../workers/checkpoint.ts";
import type { Wanted } from "../workers/queues.ts";
import type { Workers } from "../workers/workers.ts";
import type { ApiContext } from "./context.ts";
import { answers, problems } from "./documented.ts";
import { refuseCursor } from "./problems.ts";
import { waitTime, whileThere } from "./waiting.ts";
import { checkpointWire, leaseWire, tasksWire, workerWire } from "./worker-wire.ts";

const TAGS = ["workers"];
const BODY = ["payload-too-large", "unsupported-media-type", "invalid-body"] as const;
const TASK = "/v1/workers/tasks/:token";

export function workers(context: ApiContext) {
  return async (app: FastifyInstance): Promise<void> => {
    const { workers: remote } = context;
    if (remote === undefined) return;
    list(app, remote);
    poll(app, context, remote);
    heartbeat(app, remote);
    checkpoint(app, remote);
    complete(app, remote);
    fail(app, remote);
    release(app, remote);
  };
}

function list(app: FastifyInstance, remote: Workers): void {
  app.get<{ Querystring: WorkerListQuery }>("/v1/workers", {
    schema: {
      operationId: "listWorkers",
      summary: "List workers, by name",
      description:
        "Those that ask this server for tasks. One without tasks is forgotten when it was not heard of for ten minutes. A server that runs no workflows answers 503: the one that does knows them.",
      tags: TAGS,
      querystring: WorkerListQuery,
      response: { 200: answers("A page.", ref(WorkerList)), ...problems("invalid-cursor") },
    },
    handler: async ({ query: { cursor, limit = 50 } }) => {
      const after = cursor === undefined ? "" : nameAfter(cursor);
      const found = remote.list(DEFAULT_TENANT, after, limit + 1);
      const items = found.slice(0, limit);
      const last = found.length > limit ? items.at(-1) : undefined;
      const next = last === undefined ? {} : { nextCursor: encodeCursor([last.name]) };
      return { items: items.map(workerWire), ...next };
    },
  });
}

/** @throws {ProblemError} `invalid-cursor` */
function nameAfter(cursor: string): string {
  try {
    return decodeCursor(cursor, 1)[0] ?? "";
  } catch (error) {
    return refuseCursor(cursor)(error);
  }
}

function poll(app: FastifyInstance, { config, stopping }: ApiContext, remote: Workers): void {
  app.post<{ Body: WorkerPoll }>("/v1/workers/poll", {
    schema: {
      operationId: "pollTasks",
      summary: "Take tasks for a worker",
      description:
        "Each task comes with a lease, which every heartbeat and checkpoint renews. When it ends, the task goes to another worker.",
      tags: TAGS,
      body: ref(WorkerPoll),
      response: {
        200: answers("Tasks; none when there were none in time.", ref(WorkerTasks)),
        ...problems("overloaded", "shutting-down", ...BODY),
      },
    },
    handler: async (request, reply) => {
      const asked = waitTime(request.body.wait, Number.POSITIVE_INFINITY, "body.wait") ?? 0;
      const wait = Math.min(asked, config.maxWait);
      const wanted = wantedOf(request.body);
      const answer = await whileThere(request, stopping, (signal) =>
        remote.poll(wanted, wait, signal),
      );
      const giveBack = (): void => {
        if (!reply.raw.writableFinished) remote.unreached(answer);
      };
      if (request.raw.socket.destroyed) giveBack();
      else reply.raw.once("close", giveBack);
      return tasksWire(answer);
    },
  });
}

function wantedOf({ worker, pool = "default", functions, max = 1 }: WorkerPoll): Wanted {
  return { tenant: DEFAULT_TENANT, worker, pool, functions: [...new Set(functions)], max };
}

function heartbeat(app: FastifyInstance, remote: Workers): void {
  app.post<{ Params: WorkerTaskPath }>(`${TASK}/heartbeat`, {
    schema: {
      operationId: "heartbeatTask",
      summary: "Say that a task is still being worked on",
      description: "The lease begins anew. The answer says whether the result is still wanted.",
      tags: TAGS,
      params: WorkerTaskPath,
      response: {
        200: answers("How the task stands.", ref(WorkerLease)),
        ...problems("task-lost", ...BODY),
      },
    },
    handler: async ({ params }) => leaseWire(remote.heartbeat(DEFAULT_TENANT, params.token)),
  });
}

function checkpoint(app: FastifyInstance, remote: Workers): void {
  app.post<{ Params: WorkerTaskPath; Body: CheckpointRequest }>(`${TASK}/checkpoint`, {
    schema: {
      operationId: "checkpointTask",
      summary: "Store how far a task is",
      description:
        "Answered when it is durable: whoever goes on with the task, after a crash of anything, gets the latest. It is a heartbeat as well.",
      tags: TAGS,
      params: WorkerTaskPath,
      body: CheckpointRequest,
      response: {
        200: answers("It is durable.", ref(Checkpoint)),
        ...problems("task-lost", "rate-limited", "overloaded", ...BODY),
      },
    },
    ...optionalBody,
    handler: async ({ params, body }) =>
      checkpointWire(await remote.checkpoint(DEFAULT_TENANT, params.token, newCheckpoint(body))),
  });
}

/** @throws {ProblemError} `invalid-request` */
function newCheckpoint(body: CheckpointRequest): NewCheckpoint {
  const { percent, note, digest, level } = body;
  const values = (["data", "state", "digest"] as const).filter((key) => Object.hasOwn(body, key));
  if (values.length > 1) throw refused(values[1] ?? "", `not together with ${values[0]}`);
  const [key] = values;
  const implied = key === undefined ? "progress" : key === "digest" ? (level ?? "data") : key;
  if (level !== undefined && level !== implied)
    throw refused("level", `${level}, but what comes with it is of level ${implied}`);
  if (key === "digest" && implied === "progress")
    throw refused("level", "a digest stands for data or state");
  return {
    level: implied,
    ...(percent === undefined ? {} : { percent }),
    ...(note === undefined ? {} : { note }),
    ...(digest === undefined ? {} : { digest }),
    ...(key === "data" || key === "state" ? { value: body[key] ?? null } : {}),
  };
}

function refused(key: string, message: string): ProblemError {
  const path = `body.${key}`;
  return new ProblemError("invalid-request", {
    detail: `${path}: ${message}`,
    issues: [{ path, message }],
  });
}

function complete(app: FastifyInstance, remote: Workers): void {
  app.post<{ Params: WorkerTaskPath; Body: CompleteTask }>(`${TASK}/complete`, {
    ...ending("completeTask", "Give the output of a task", CompleteTask),
    ...optionalBody,
    handler: async ({ params, body }, reply) => {
      await remote.complete(DEFAULT_TENANT, params.token, body.output ?? null);
      return reply.code(204).send();
    },
  });
}

function fail(app: FastifyInstance, remote: Workers): void {
  app.post<{ Params: WorkerTaskPath; Body: FailTask }>(`${TASK}/fail`, {
    ...ending("failTask", "Give the error of a task", FailTask),
    ...optionalBody,
    handler: async ({ params, body }, reply) => {
      await remote.fail(DEFAULT_TENANT, params.token, failureOf(body));
      return reply.code(204).send();
    },
  });
}

function failureOf({ type, status, title, detail = "" }: FailTask): ActivityFailure {
  return new ActivityFailure("runtime", detail, {
    ...(status === undefined ? {} : { status }),
    ...(title === undefined ? {} : { title }),
    ...(type === undefined ? {} : { type: canonicalErrorType(type) }),
  });
}

function release(app: FastifyInstance, remote: Workers): void {
  app.post<{ Params: WorkerTaskPath }>(`${TASK}/release`, {
    ...ending("releaseTask", "Give a task back, for another worker to do"),
    handler: async ({ params }, reply) => {
      remote.release(DEFAULT_TENANT, params.token);
      return reply.code(204).send();
    },
  });
}

function ending(operationId: string, summary: string, body?: object) {
  const description =
    "Answered when it is durable. The same request again gets the same answer; after the lease has ended it gets 409 and changes nothing.";
  return {
    schema: {
      operationId,
      summary,
      tags: TAGS,
      params: WorkerTaskPath,
      ...(body === undefined ? {} : { body, description }),
      response: {
        204: { type: "null", description: "It is as it was asked for." },
        ...problems("task-lost", ...BODY),
      },
    },
  };
}

/** No body is as good as an empty one. */
const optionalBody: Pick<RouteShorthandOptions, "preValidation"> = {
  preValidation: (request: FastifyRequest, _reply: FastifyReply, done: () => void) => {
    request.body ??= {};
    done();
  },
};
