/** `millrace history ID [-f]`: a line for each fact. */
import type { HistoryEvent } from "@millrace/sdk";
import type { Format } from "../arguments.ts";
import { type ClientOptions, connect, PATIENT } from "../client.ts";
import { describeError } from "../describe-error.ts";
import { elapsed, plain, print } from "../output.ts";

export interface HistoryOptions extends ClientOptions {
  readonly follow?: boolean;
  readonly output: Format;
}

export async function history(id: string, options: HistoryOptions): Promise<void> {
  for await (const fact of await facts(id, options))
    print(options.output === "json" ? JSON.stringify(fact) : factLine(fact));
}

async function facts(id: string, options: HistoryOptions): Promise<AsyncIterable<HistoryEvent>> {
  const { instances } = connect(options);
  if (options.follow !== true) return instances.history(id);
  // A server that is not there, or does not know the instance, is told at once; one that restarts later is waited for.
  await instances.get(id);
  return connect(options, PATIENT).instances.events(id);
}

function factLine(fact: HistoryEvent): string {
  const columns = [
    String(fact.seq).padStart(4),
    fact.at.slice(0, 23).replace("T", " "),
    fact.kind.padEnd(18),
    [fact.task, details(fact)].filter((part) => part !== undefined && part !== "").join("  "),
  ];
  return plain(columns.join("  ")).trimEnd();
}

function details(fact: HistoryEvent): string | undefined {
  const { kind, error, reason, attempt, delay, input, output, keys } = fact;
  if (kind === "task.retried")
    return `attempt ${attempt} in ${elapsed(delay ?? 0)}: ${error?.title}`;
  if (error !== undefined) return describeError(error);
  if (reason !== undefined) return reason;
  const value = kind === "workflow.started" ? input : (keys ?? output);
  return value === undefined ? undefined : short(JSON.stringify(value));
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
