/**
 * `try`: runs its tasks; catches, retries, handles (DSL reference "Try", "Catch", "Retry").
 *
 *   body ──done──────────────────────────────▶ done
 *    │  ▲
 *  error │ timer r<id>
 *    ▼  │
 *  filter matches, when, exceptWhen? ──no──▶ raised
 *    │yes
 *    ├─ retry allowed ──▶ delay ──▶ body again (next attempt)
 *    └─ otherwise ──▶ handler (`catch.do`) ──▶ done, with `catch.then`
 *
 * A caught error whose retries are used up goes to `catch.do` or `catch.then` where there is one and is raised again
 * where there is none: a retry alone never swallows an error. Without `retry`, `catch` alone swallows it and the
 * output is the task's input.
 */
import type { TryNode } from "@millrace/language";
import { cancelBelow, clearTryTimers } from "../cancel.ts";
import type { Draft } from "../draft.ts";
import type { WorkflowError } from "../error.ts";
import type { Frame, TryFrame } from "../frame.ts";
import { beginFailure } from "../kept.ts";
import { continueList, startList } from "../list.ts";
import { type Outcome, WAITING } from "../outcome.ts";
import { catches, retryDelay } from "../retry.ts";
import { duration, inputOf } from "../scope.ts";

export function startTry(d: Draft, node: TryNode, frame: Frame): Outcome {
  const own = d.put<TryFrame>({
    ...frame,
    kind: "try",
    phase: "body",
    attempt: 1,
    at: 0,
    steps: 0,
  });
  return runAttempt(d, node, own);
}

export function continueTry(d: Draft, node: TryNode, frame: TryFrame, ended: Outcome): Outcome {
  if (frame.phase === "handler") return handled(node, continueHandler(d, node, frame, ended));
  return afterBody(d, node, frame, continueList(d, frame, node.tasks, bodyKey(frame), ended));
}

/** The delay before the next attempt is over. */
export function retryDue(d: Draft, node: TryNode, frame: TryFrame): Outcome {
  const own = d.own(frame);
  own.phase = "body";
  delete own.retryAt;
  own.attempt += 1;
  return runAttempt(d, node, own);
}

/** The running attempt took longer than its limit. */
export function attemptExpired(
  d: Draft,
  node: TryNode,
  frame: TryFrame,
  error: WorkflowError,
): Outcome {
  beginFailure(d, error, frame);
  cancelBelow(d, frame);
  return afterBody(d, node, frame, { kind: "raised", error });
}

function runAttempt(d: Draft, node: TryNode, frame: TryFrame): Outcome {
  armAttempt(d, node, frame);
  const input = inputOf(d, frame);
  return afterBody(d, node, frame, startList(d, frame, node.tasks, bodyKey(frame), input));
}

/** Sets the timer that limits one attempt, where there is a limit. */
export function armAttempt(d: Draft, node: TryNode, frame: TryFrame): void {
  const input = inputOf(d, frame);
  const limit = node.catch.retry?.limit.attemptDuration;
  if (limit === undefined) return;
  const until = d.env.now + duration(d, limit, input, { frame, node, input });
  d.setTimer(`a${frame.id}`, until);
  d.own(frame).attemptUntil = until;
}

function afterBody(d: Draft, node: TryNode, frame: TryFrame, ended: Outcome): Outcome {
  if (ended.kind === "waiting") return ended;
  const own = d.own(frame);
  clearTryTimers(d, own);
  delete own.attemptUntil;
  return ended.kind === "raised" ? caught(d, node, own, ended) : ended;
}

function caught(
  d: Draft,
  node: TryNode,
  frame: TryFrame,
  raised: Extract<Outcome, { kind: "raised" }>,
): Outcome {
  const { error } = raised;
  const { retry, tasks, then } = node.catch;
  if (!catches(d, node, frame, error)) return raised;
  frame.error = error;
  const delay = retry === undefined ? undefined : retryDelay(d, node, retry, frame, error);
  if (delay !== undefined) {
    d.failure = undefined;
    frame.phase = "delay";
    frame.retryAt = d.env.now + delay;
    d.setTimer(`r${frame.id}`, frame.retryAt);
    const attempt = frame.attempt + 1;
    d.record({
      kind: "task.retried",
      task: frame.ref,
      occurrence: frame.id,
      attempt,
      delay,
      error,
    });
    return WAITING;
  }
  const input = inputOf(d, frame);
  if (tasks !== undefined) {
    d.failure = undefined;
    frame.phase = "handler";
    return handled(node, startList(d, frame, tasks, handlerKey(frame), input));
  }
  if (retry !== undefined && then === undefined) return raised;
  return handled(node, { kind: "done", output: input });
}

function continueHandler(d: Draft, node: TryNode, frame: TryFrame, ended: Outcome): Outcome {
  return continueList(d, frame, node.catch.tasks ?? [], handlerKey(frame), ended);
}

function handled(node: TryNode, ended: Outcome): Outcome {
  const { then } = node.catch;
  return ended.kind === "done" && then !== undefined ? { ...ended, flow: then } : ended;
}

/** The same for every attempt, so that a retried call carries the idempotency key of the first. */
function bodyKey(frame: TryFrame): string {
  return `${frame.key}.t`;
}
function handlerKey(frame: TryFrame): string {
  return `${frame.key}.c`;
}
