/** `run` tasks: containers, scripts, shell commands, other workflows (reference, "Run"). */
import { duration, freeObject } from "./common.ts";
import { externalResource } from "./endpoint.ts";
import { taskObject } from "./task-base.ts";
import { array, boolean, documented, keyed, object, oneOf, string } from "./type.ts";
import type { Static } from "./type.ts";

const process = {
  stdin: documented("Standard input of the process.", string()),
  arguments: array(string()),
  environment: freeObject,
};

const container = object({
  must: { image: string() },
  may: {
    ...process,
    name: string(),
    command: string(),
    ports: freeObject,
    volumes: freeObject,
    lifetime: object({
      must: { cleanup: oneOf("always", "never", "eventually") },
      may: { after: duration },
      rules: [{ kind: "only-when", key: "after", tag: "cleanup", value: "eventually" }],
    }),
    pullPolicy: oneOf("ifNotPresent", "always", "never"),
  },
});

const script = keyed("script", {
  code: object({ must: { language: string(), code: string() }, may: process }),
  source: object({ must: { language: string(), source: externalResource }, may: process }),
});

const shell = object({ must: { command: string() }, may: process });

const workflow = object({
  must: { namespace: string(), name: string(), version: string() },
  may: { input: freeObject },
});

const options = {
  await: documented("Whether to wait for its end; true unless given.", boolean()),
  return: documented("`stdout` unless given.", oneOf("stdout", "stderr", "code", "all", "none")),
};

export const runTask = taskObject({
  run: keyed("process", {
    container: object({ must: { container }, may: options }),
    script: object({ must: { script }, may: options }),
    shell: object({ must: { shell }, may: options }),
    workflow: object({ must: { workflow }, may: options }),
  }),
});
export type RunTask = Static<typeof runTask>;
