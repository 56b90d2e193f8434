/** `wait`: pauses for a duration (DSL reference "Wait"). The timer is `w<frame id>`. */
import type { WaitNode } from "@millrace/language";
import type { Draft } from "../draft.ts";
import type { Frame } from "../frame.ts";
import { type Outcome, WAITING } from "../outcome.ts";
import { duration, inputOf } from "../scope.ts";

export function startWait(d: Draft, node: WaitNode, frame: Frame): Outcome {
  const input = inputOf(d, frame);
  const milliseconds = duration(d, node.duration, input, { frame, node, input });
  if (milliseconds <= 0) return { kind: "done", output: input };
  const until = d.env.now + milliseconds;
  d.put({ ...frame, kind: "wait", until });
  d.setTimer(`w${frame.id}`, until);
  return WAITING;
}
