/** A list of named tasks; every list of tasks in the language has this shape. */
import { map, array, named } from "./type.ts";
import type { Type } from "./type.ts";
import type { Task } from "./tasks.ts";

/** One entry: a single name and its task. */
export interface TaskItem {
  readonly [name: string]: Task;
}
export type TaskListDefinition = readonly TaskItem[];

let task: Type<Task> | undefined;

/** `tasks.ts` says what a task is: tasks hold lists of tasks, so the list cannot import them. */
export function defineTask(type: Type<Task>): void {
  task = type;
}

function definedTask(): Type<Task> {
  if (task === undefined) throw new Error("tasks.ts has not been loaded");
  return task;
}

const listType: Type<TaskListDefinition> = array(
  map(named<Task>("task", definedTask), { minProperties: 1, maxProperties: 1, entry: "task" }),
);

export const taskList: Type<TaskListDefinition> = named("taskList", () => listType);
