/** Runs a target over many generated inputs, counts what came of them, and shrinks what should not have come. */
import type { Json } from "@millrace/language";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";

/** What came of one input. */
export interface Verdict {
  /** A word or two for the count: `valid`, `refused: limit`, `409 instance-terminal`. */
  readonly outcome: string;
  /** Present when something is wrong. */
  readonly problem?: Problem;
}

export interface Problem {
  /** The kind, by which findings are told apart and shrunk: no data of the input in it. */
  readonly kind: string;
  readonly detail: string;
}

/** Something to fuzz. Every input is plain JSON, so that it can be kept, shrunk and replayed. */
export interface Target {
  readonly name: string;
  open(): Promise<Session>;
}

export interface Session {
  /** How many inputs may run at once. */
  readonly concurrency: number;
  generate(random: Random): Json;
  /** Never throws for what the system under test does. An input that is none (while shrinking) has no problem. */
  run(input: Json): Promise<Verdict>;
  /** What only shows at the end: a process that has grown, a log with errors. */
  finish?(): Promise<Problem | undefined>;
  close(): Promise<void>;
}

export interface Finding {
  readonly target: string;
  /** Position in the run, -1 for what showed at its end. */
  readonly index: number;
  readonly problem: Problem;
  /** Shrunk. */
  readonly input: Json;
}

export interface CampaignOptions {
  readonly seed: number;
  readonly count: number;
  readonly onProgress?: (done: number) => void;
}

export interface CampaignResult {
  readonly counts: ReadonlyMap<string, number>;
  readonly findings: readonly Finding[];
}

/** Kinds shrunk in one run; more of them mean the same evening's work. */
const MOST_FINDINGS = 10;

export async function runCampaign(
  target: Target,
  { seed, count, onProgress }: CampaignOptions,
): Promise<CampaignResult> {
  const session = await target.open();
  const counts = new Map<string, number>();
  const found = new Map<string, { index: number; problem: Problem; input: Json }>();
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count && found.size < MOST_FINDINGS) {
      const index = next;
      next += 1;
      const input = session.generate(Random.of(seed, index));
      const { outcome, problem } = await session.run(input);
      counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      if (problem !== undefined && !found.has(problem.kind)) {
        found.set(problem.kind, { index, problem, input });
      }
      onProgress?.(index + 1);
    }
  };
  try {
    await Promise.all(Array.from({ length: session.concurrency }, worker));
    const findings: Finding[] = [];
    for (const { index, problem, input } of found.values()) {
      findings.push({ target: target.name, index, ...(await shrunk(session, problem, input)) });
    }
    const last = await session.finish?.();
    if (last !== undefined) {
      findings.push({ target: target.name, index: -1, problem: last, input: null });
    }
    return { counts, findings };
  } finally {
    await session.close();
  }
}

async function shrunk(
  session: Session,
  problem: Problem,
  input: Json,
): Promise<{ problem: Problem; input: Json }> {
  let last = problem;
  const smallest = await shrink(input, async (candidate) => {
    const verdict = await session.run(candidate);
    if (verdict.problem?.kind !== problem.kind) return false;
    last = verdict.problem;
    return true;
  });
  return { problem: last, input: smallest };
}

/** Runs one input again. */
export async function replay(target: Target, input: Json): Promise<Verdict> {
  const session = await target.open();
  try {
    const verdict = await session.run(input);
    const last = verdict.problem ?? (await session.finish?.());
    return last === undefined ? verdict : { ...verdict, problem: last };
  } finally {
    await session.close();
  }
}
