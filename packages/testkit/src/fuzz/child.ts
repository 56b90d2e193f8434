/** The other side of `isolated.ts`: checks each input that arrives, and tells when it took too long. */
import { isObject, type Json } from "@millrace/language";
import type { Verdict } from "./campaign.ts";
import { checkDefinition } from "./definition/check.ts";
import { checkEngine } from "./engine/check.ts";
import { checkText } from "./yaml/check.ts";

const CHECKS: Readonly<Record<string, (input: Json) => Verdict>> = {
  yaml: checkText,
  definition: checkDefinition,
  engine: checkEngine,
  "self-test": misbehave,
};
/** Processor time, so that a busy machine makes no finding. */
const SLOW_MICROSECONDS = Number(process.argv[3]) * 1_000;

const check = CHECKS[process.argv[2] ?? ""];
if (check === undefined) throw new Error(`there is no check ${process.argv[2]}`);

process.on("message", (input: Json) => {
  process.send?.(timed(input, check));
});
process.on("disconnect", () => process.exit());

/** For the test of this very machinery. */
function misbehave(input: Json): Verdict {
  const what = isObject(input) ? input["do"] : undefined;
  if (what === "throw") throw new TypeError("as asked");
  if (what === "exhaust")
    for (const held: Json[][] = []; ; ) held.push(Array.from({ length: 100_000 }, () => [0]));
  if (what === "burn") {
    const began = process.cpuUsage();
    // The clock is asked seldom: asking is the system's time, not ours.
    while (process.cpuUsage(began).user < SLOW_MICROSECONDS) "x".repeat(1_000_000).split("");
  }
  return { outcome: "did" };
}

function timed(input: Json, run: (input: Json) => Verdict): Verdict {
  const before = process.cpuUsage();
  let verdict: Verdict;
  try {
    verdict = run(input);
  } catch (error) {
    const { name, message, stack = "" } = error as Error;
    // The place tells exceptions of one kind apart; the message may hold the input.
    const place = /at (\S+) \(/.exec(stack)?.[1] ?? "";
    const detail = stack === "" ? message : stack.slice(0, 1_500);
    verdict = { outcome: "exception", problem: { kind: `exception ${name} ${place}`, detail } };
  }
  const { user } = process.cpuUsage(before);
  if (verdict.problem !== undefined || user < SLOW_MICROSECONDS) return verdict;
  const detail = `${Math.round(user / 1_000)} ms of processor time`;
  return { ...verdict, problem: { kind: "slow", detail } };
}
