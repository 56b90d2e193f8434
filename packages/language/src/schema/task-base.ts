/** What every task may say, whatever it does (reference, "Task"). */
import { flowDirective, freeObject, timeoutOrReference } from "./common.ts";
import { exported, input, output } from "./data.ts";
import { documented, object, string } from "./type.ts";
import type { Shape, Static } from "./type.ts";

const base = {
  if: documented("Expression: the task runs only when it is true.", string()),
  input,
  output,
  export: exported,
  timeout: timeoutOrReference,
  // biome-ignore lint/suspicious/noThenProperty: the language's own name
  then: flowDirective,
  metadata: freeObject,
};

const baseTask = object({ may: base });
export type BaseTask = Static<typeof baseTask>;

/** A kind of task: its own properties and those of every task. */
export const taskObject = <
  const M extends Readonly<Record<string, Shape>>,
  const O extends Readonly<Record<string, Shape>> = {},
>(
  must: M,
  may?: O,
) => object<M, O & typeof base>({ must, may: { ...(may as O), ...base } });
