/** Lines that say what an instance waits for, and why it is faulted. */
import type { Fault, WaitingFor } from "@millrace/protocol";
import { describeError } from "./describe-error.ts";
import { elapsed, instant, plain } from "./output.ts";

/** A line for each wait: the task, what it waits for, since when, and until when at most. */
export function waitLines(waits: readonly WaitingFor[], now: number): string[] {
  return waits.map((wait) => {
    const since = `for ${elapsed(Math.max(0, now - Date.parse(wait.since)))}`;
    const limit = wait.giveUpAt === undefined ? "" : `, at most until ${instant(wait.giveUpAt)}`;
    return plain(`${wait.name} (${wait.task}): ${whatOf(wait)}, ${since}${limit}`);
  });
}

function whatOf(wait: WaitingFor): string {
  const { type = "outside work", target, attempt, until, instanceId } = wait;
  const work = target === undefined ? type : `${type} ${target}`;
  switch (wait.kind) {
    case "activity":
      return `${work}${attempt === undefined ? "" : `, attempt ${attempt}`}${progressText(wait)}`;
    case "message": {
      const end = until === undefined ? "" : `, taken until ${instant(until)}`;
      return `the next message of ${work}${end}`;
    }
    case "timer":
      return until === undefined ? "a timer" : `a timer until ${instant(until)}`;
    case "retry":
      return `attempt ${attempt} at ${instant(until)}`;
    case "child":
      return instanceId === undefined ? "another instance" : `instance ${instanceId}`;
    case "event":
      return eventText(wait.events ?? []);
  }
}

function progressText({ progress }: WaitingFor): string {
  if (progress === undefined) return "";
  const { percent, note, at } = progress;
  const far = [percent === undefined ? "" : `${percent} %`, note ?? ""].filter(Boolean).join(", ");
  return `, ${far === "" ? "a checkpoint" : far} (at ${instant(at)})`;
}

function eventText(events: NonNullable<WaitingFor["events"]>): string {
  if (events.length === 0) return "an event";
  const texts = events.map(({ type, source, correlation }) => {
    const from = source === undefined ? "" : ` from ${source}`;
    const values = correlation === undefined ? "" : ` with ${JSON.stringify(correlation)}`;
    return `${type ?? "of any type"}${from}${values}`;
  });
  return `an event ${texts.join(" or ")}`;
}

/** The failed task with its input and error, then the next thing to try. */
export function faultLines({ task, name, input, attempt, error, hint }: Fault): string[] {
  const lines: string[] = [];
  if (task !== undefined) {
    const tried = attempt === undefined || attempt === 1 ? "" : `, attempt ${attempt}`;
    lines.push(plain(`Task   ${name} (${task})${tried}`));
  }
  if (input !== undefined) lines.push(`Input  ${plain(JSON.stringify(input))}`);
  lines.push(`Error  ${plain(describeError(error))}`, `Next   ${plain(hint)}`);
  return lines;
}
