/** `millrace history ID [-f]`: a line for each fact. */
import type { HistoryEvent } from "@millrace/sdk";
import type { Format } from "../arguments.ts";
import { type ClientOptions, connect } from "../client.ts";
import { describeError } from "../describe-error.ts";
import { elapsed, print } from "../output.ts";

export interface HistoryOptions extends ClientOptions {
  readonly follow?: boolean;
  readonly output: Format;
}

export async function history(id: string, options: HistoryOptions): Promise<void> {
  const { instances } = connect(options);
  const facts = options.follow === true ? instances.events(id) : instances.history(id);
  for await (const fact of facts)
    print(options.output === "json" ? JSON.stringify(fact) : factLine(fact));
}

function factLine(fact: HistoryEvent): string {
  const columns = [
    String(fact.seq).padStart(4),
    fact.at.slice(0, 23).replace("T", " "),
    fact.kind.padEnd(18),
    [fact.task, details(fact)].filter((part) => part !== undefined && part !== "").join("  "),
  ];
  return columns.join("  ").trimEnd();
}

function details(fact: HistoryEvent): string | undefined {
  const { kind, error, reason, attempt, delay, input, output } = fact;
  if (kind === "task.retried")
    return `attempt ${attempt} in ${elapsed(delay ?? 0)}: ${error?.title}`;
  if (error !== undefined) return describeError(error);
  if (reason !== undefined) return reason;
  const value = kind === "workflow.started" ? input : output;
  return value === undefined ? undefined : short(JSON.stringify(value));
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
