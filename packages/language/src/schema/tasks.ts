/** Every kind of task, and the union of them (reference, "Task"). */
import { callTask } from "./calls.ts";
import { duration, flowDirective, freeObject } from "./common.ts";
import { errorFilter, errorOrReference } from "./error.ts";
import { emittedEvent, eventStrategy, subscriptionIterator } from "./events.ts";
import { retryOrReference } from "./retry.ts";
import { runTask } from "./run.ts";
import { taskObject } from "./task-base.ts";
import { defineTask, taskList } from "./task-list.ts";
import {
  anything,
  array,
  boolean,
  documented,
  either,
  keyed,
  map,
  object,
  oneOf,
  string,
} from "./type.ts";
import type { Static } from "./type.ts";

export const doTask = taskObject({ do: taskList });
export type DoTask = Static<typeof doTask>;

export const forkTask = taskObject({
  fork: object({
    must: { branches: taskList },
    may: { compete: documented("The first branch to finish wins.", boolean()) },
  }),
});
export type ForkTask = Static<typeof forkTask>;

export const emitTask = taskObject({
  emit: object({ must: { event: object({ may: { with: emittedEvent }, open: true }) } }),
});
export type EmitTask = Static<typeof emitTask>;

export const forTask = taskObject(
  {
    for: object({
      must: {
        in: either("an expression or an array of objects", string(), array(freeObject)),
      },
      may: {
        each: documented("Variable of the item; `item` unless given.", string()),
        at: documented("Variable of the index; `index` unless given.", string()),
      },
    }),
    do: taskList,
  },
  { while: documented("Expression: go on while it is true.", string()) },
);
export type ForTask = Static<typeof forTask>;

export const listenTask = taskObject(
  {
    listen: object({
      must: { to: eventStrategy },
      may: { read: oneOf("data", "envelope", "raw") },
    }),
  },
  { foreach: subscriptionIterator },
);
export type ListenTask = Static<typeof listenTask>;

export const raiseTask = taskObject({ raise: object({ must: { error: errorOrReference } }) });
export type RaiseTask = Static<typeof raiseTask>;

export const setTask = taskObject({
  set: either("an object or an expression", map(anything(), { minProperties: 1 }), string()),
});
export type SetTask = Static<typeof setTask>;

export const switchTask = taskObject({
  switch: array(
    map(
      object({
        // biome-ignore lint/suspicious/noThenProperty: the language's own name
        must: { then: flowDirective },
        may: { when: documented("Expression; without it this is the default.", string()) },
      }),
      { minProperties: 1, maxProperties: 1, entry: "case" },
    ),
    { minItems: 1 },
  ),
});
export type SwitchTask = Static<typeof switchTask>;

const catchClause = object({
  may: {
    errors: object({ may: { with: errorFilter }, open: true }),
    as: documented("Variable of the error; `error` unless given.", string()),
    when: documented("Expression: catch only when true.", string()),
    exceptWhen: documented("Expression: do not catch when true.", string()),
    retry: retryOrReference,
    do: taskList,
    // biome-ignore lint/suspicious/noThenProperty: the language's own name
    then: flowDirective,
  },
});
export const tryTask = taskObject({ try: taskList, catch: catchClause });
export type TryTask = Static<typeof tryTask>;

export const waitTask = taskObject({ wait: duration });
export type WaitTask = Static<typeof waitTask>;

/** `for` comes before `do`, because a `for` task has both keys. */
export const task = keyed("task", {
  call: callTask,
  for: forTask,
  do: doTask,
  fork: forkTask,
  emit: emitTask,
  listen: listenTask,
  raise: raiseTask,
  run: runTask,
  set: setTask,
  switch: switchTask,
  try: tryTask,
  wait: waitTask,
});
export type Task = Static<typeof task>;
defineTask(task);
