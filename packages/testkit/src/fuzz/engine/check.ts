/** Loads a definition and drives it to its end: `{ definition, input, seed }` → how it ended. */
import { formatIssue, isObject, type Json, load } from "@millrace/language";
import type { Verdict } from "../campaign.ts";
import { Random } from "../random.ts";
import { Drive, Violation } from "./drive.ts";

/** Commands after which the instance is cancelled: some definitions loop for ever, and may. */
const MOST_COMMANDS = 300;

export function checkEngine(input: Json): Verdict {
  if (!isObject(input) || !isObject(input["definition"] ?? null)) return { outcome: "no case" };
  const loaded = load(JSON.stringify(input["definition"]));
  if (!loaded.ok) {
    const [first] = loaded.issues;
    return { outcome: `invalid: ${first?.code}`, ...explain(first && formatIssue(first)) };
  }
  const drive = new Drive(loaded.program, new Random(Number(input["seed"] ?? 0)));
  try {
    drive.apply({ kind: "start", instanceId: "I", input: input["input"] ?? null });
    for (let n = 0; n < MOST_COMMANDS && !drive.ended; n += 1) drive.step();
    if (drive.ended) return { outcome: drive.status };
    drive.apply({ kind: "cancel" });
    if (!drive.ended) throw new Violation("alive after its cancellation", drive.status);
    return { outcome: "cancelled in the end" };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    return { outcome: "violation", problem: { kind: error.message, detail: error.detail } };
  }
}

/** Why a generated definition is not valid: shown to who works on the generator. */
function explain(issue: string | undefined): object {
  if (process.env["MILLRACE_FUZZ_EXPLAIN"] === undefined) return {};
  return { problem: { kind: `invalid ${issue?.slice(-60)}`, detail: issue ?? "" } };
}
