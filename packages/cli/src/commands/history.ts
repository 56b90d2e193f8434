/** `millrace history ID [-f]`: a line for each fact. */
import type { HistoryEvent } from "@millrace/sdk";
import type { Format } from "../arguments.ts";
import { type ClientOptions, connect, PATIENT } from "../client.ts";
import { describeError } from "../describe-error.ts";
import { bytesText, elapsed, plain, print } from "../output.ts";

export interface HistoryOptions extends ClientOptions {
  readonly follow?: boolean;
  readonly output: Format;
}

export async function history(id: string, options: HistoryOptions): Promise<void> {
  const began = new Map<string, number>();
  for await (const fact of await facts(id, options))
    print(options.output === "json" ? JSON.stringify(fact) : factLine(fact, began));
}

async function facts(id: string, options: HistoryOptions): Promise<AsyncIterable<HistoryEvent>> {
  const { instances } = connect(options);
  if (options.follow !== true) return instances.history(id);
  // A server that is not there, or does not know the instance, is told at once; one that restarts later is waited for.
  await instances.get(id);
  return connect(options, PATIENT).instances.events(id);
}

/** @param began when each task that has not ended began; the fact is taken into it */
function factLine(fact: HistoryEvent, began: Map<string, number>): string {
  const columns = [
    String(fact.seq).padStart(4),
    fact.at.slice(0, 23).replace("T", " "),
    fact.kind.padEnd(18),
    [fact.task, duration(fact, began), details(fact), ...payloads(fact)]
      .filter((part) => part)
      .join("  "),
  ];
  return plain(columns.join("  ")).trimEnd();
}

/** How long the task took that ends with the fact. */
function duration({ kind, at, occurrence }: HistoryEvent, began: Map<string, number>): string {
  if (occurrence === undefined) return "";
  if (kind === "task.started") began.set(occurrence, Date.parse(at));
  const start = began.get(occurrence);
  if (start === undefined || !ENDS.has(kind)) return "";
  began.delete(occurrence);
  return `(${elapsed(Date.parse(at) - start)})`;
}
const ENDS: ReadonlySet<string> = new Set(["task.completed", "task.faulted", "task.cancelled"]);

function details(fact: HistoryEvent): string | undefined {
  const { kind, error, reason, attempt, delay, input, output, keys, from } = fact;
  if (kind === "task.retried")
    return `attempt ${attempt} in ${elapsed(delay ?? 0)}${error === undefined ? "" : `: ${describeError(error)}`}`;
  if (kind === "workflow.retried") return from === undefined ? undefined : `from ${from}`;
  if (error !== undefined) return describeError(error);
  if (reason !== undefined) return reason;
  const value = kind === "workflow.started" ? input : (keys ?? output);
  return value === undefined ? undefined : short(JSON.stringify(value));
}

/** Where large values are, each with enough of its digest to tell it. */
function payloads({ payloads: large = [] }: HistoryEvent): readonly string[] {
  return large.map(
    ({ path, digest, bytes }) => `${path}: ${bytesText(bytes)}, payload ${digest.slice(0, 12)}`,
  );
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
