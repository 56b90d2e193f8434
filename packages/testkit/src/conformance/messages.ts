/** What a case's subscriptions bring, in the place of a broker. */
import type { Command, WorkflowError } from "@millrace/engine";
import { type Json, parseDuration } from "@millrace/language";
import type { ActivityExecutor } from "@millrace/server/local";

/** One of these; `after` is the simulated time since it was asked for. */
export type ScriptedMessage = { readonly after?: Json } & (
  | { readonly message: Json }
  | { readonly error: WorkflowError }
  | { readonly end: true }
);

export interface Brought {
  readonly after: number;
  readonly command: Command;
  /** True when the activity is over with it. */
  readonly last: boolean;
}

/** What the activity brings as its n-th (from 0); undefined: nothing more, for ever. */
export function brought(
  messages: readonly ScriptedMessage[],
  activityId: string,
  n: number,
): Brought | undefined {
  const scripted = messages[n];
  if (scripted === undefined) return undefined;
  const after = scripted.after === undefined ? 0 : parseDuration(scripted.after);
  if ("message" in scripted) {
    const command = {
      kind: "activity.item",
      activityId,
      itemId: `1.${n + 1}`,
      item: scripted.message,
    } as const;
    return { after, command, last: false };
  }
  const command: Command =
    "error" in scripted
      ? { kind: "activity.failed", activityId, error: scripted.error }
      : { kind: "activity.completed", activityId, output: null };
  return { after, command, last: true };
}

/** An executor that brings the same on a real host, at once. */
export function bringing(messages: readonly ScriptedMessage[]): ActivityExecutor {
  return {
    async execute(_request, signal, feed) {
      for (const scripted of messages) {
        if ("error" in scripted) return { error: scripted.error };
        if ("end" in scripted) return { output: null };
        if ((await feed(scripted.message)) === "enough") return { output: null };
      }
      if (!signal.aborted)
        await new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => resolve(), { once: true });
        });
      return { output: null };
    },
  };
}
