/** What each kind of task does, and how it goes on when something it waited for ends. One file per kind in `tasks/`. */
import type { TaskNode } from "@millrace/language";
import type { Draft } from "./draft.ts";
import { standardError, TaskError } from "./errors.ts";
import type { Frame } from "./frame.ts";
import type { Outcome } from "./outcome.ts";
import { startActivity, startProcess } from "./tasks/activity.ts";
import { continueDo, startDo } from "./tasks/do.ts";
import { startEmit } from "./tasks/emit.ts";
import { continueExtended } from "./tasks/extended.ts";
import { continueFor, startFor } from "./tasks/for.ts";
import { continueFork, startFork } from "./tasks/fork.ts";
import { continueFunction, startFunction } from "./tasks/function.ts";
import { continueListen, startListen } from "./tasks/listen.ts";
import { startRaise } from "./tasks/raise.ts";
import { startSet } from "./tasks/set.ts";
import { continueSubscription, startSubscription } from "./tasks/subscribe.ts";
import { startSwitch } from "./tasks/switch.ts";
import { continueTry, startTry } from "./tasks/try.ts";
import { startWait } from "./tasks/wait.ts";
import { startChild } from "./tasks/workflow.ts";

/** Runs a task's body as far as it goes. */
export function startBody(d: Draft, node: TaskNode, frame: Frame): Outcome {
  switch (node.kind) {
    case "do":
      return startDo(d, node, frame);
    case "set":
      return startSet(d, node, frame);
    case "switch":
      return startSwitch(d, node, frame);
    case "for":
      return startFor(d, node, frame);
    case "fork":
      return startFork(d, node, frame);
    case "raise":
      return startRaise(d, node, frame);
    case "try":
      return startTry(d, node, frame);
    case "wait":
      return startWait(d, node, frame);
    case "emit":
      return startEmit(d, node, frame);
    case "call":
      return startActivity(d, node, frame);
    case "subscribe":
      return startSubscription(d, node, frame);
    case "process":
      return startProcess(d, node, frame);
    case "workflow":
      return startChild(d, node, frame);
    case "function":
      return startFunction(d, node, frame);
    case "listen":
      return startListen(d, node, frame);
    case "unsupported":
      throw new TaskError({
        ...standardError("runtime", `not supported yet: ${node.feature}`, node.reference),
        status: 501,
      });
  }
}

/** Goes on with the body of `frame` after the task in `slot` ended; gives the body's outcome. */
export function continueBody(d: Draft, frame: Frame, slot: number, ended: Outcome): Outcome {
  const node = d.program.nodes.get(frame.ref);
  switch (frame.kind) {
    case "extended":
      return continueExtended(d, node, frame, ended);
    case "do":
      if (node?.kind === "do") return continueDo(d, node, frame, ended);
      break;
    case "for":
      if (node?.kind === "for") return continueFor(d, node, frame, ended);
      break;
    case "fork":
      if (node?.kind === "fork") return continueFork(d, node, frame, slot, ended);
      break;
    case "try":
      if (node?.kind === "try") return continueTry(d, node, frame, ended);
      break;
    case "subscription":
      if (node?.kind === "subscribe") return continueSubscription(d, node, frame, ended);
      break;
    case "listen":
      if (node?.kind === "listen") return continueListen(d, node, frame, ended);
      break;
    case "function":
      return continueFunction(ended);
    default:
      break;
  }
  throw new Error(`frame ${frame.id} (${frame.kind}) does not fit the task at ${frame.ref}`);
}
