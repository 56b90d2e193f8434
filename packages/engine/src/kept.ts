/**
 * What a faulted instance keeps, so that it can be retried (retry-instance.ts): the frames as they stood when the error was
 * raised that nothing caught.
 *
 * An error closes frames on its way up, and cancels what ran beside. From where it is raised on, the draft gathers what is
 * closed (`Draft.failure`). When the error is caught, that is forgotten; when it ends the instance, it stands in the state.
 */
import type { Json } from "@millrace/language";
import type { Draft } from "./draft.ts";
import type { WorkflowError } from "./error.ts";
import type { Frame } from "./frame.ts";
import type { State } from "./state.ts";

export interface Kept {
  /** The frames that stood, those of ended branches left out, by id. Empty when no task had started. */
  readonly frames: Readonly<Record<string, Frame>>;
  /** As in the state; see `State.values`. */
  readonly values?: Readonly<Record<string, Json>>;
  /**
   * The frame of the task that raised the error; the root's when it was the workflow's own output, and absent when it was no
   * task at all, as with the workflow's timeout.
   */
  readonly failed?: string;
}
/** What stood was larger than {@link MAX_KEPT}. */
export interface TooLarge {
  readonly tooLarge: true;
}

/**
 * Characters of JSON that a faulted instance keeps for a retry at most. What stands in several frames counts once: large
 * values are not written several times either (server, payloads/spill.ts).
 */
export const MAX_KEPT = 64 * 1024 * 1024;

/** What an error under way has closed so far. */
export interface Failure {
  readonly error: WorkflowError;
  readonly failed: string | undefined;
  readonly frames: Map<string, Frame>;
  readonly values: Map<string, Json>;
}

/** An error is raised, by the task of `frame` if by any; one that is on its way already stays where it came from. */
export function beginFailure(d: Draft, error: WorkflowError, frame?: Frame): void {
  if (d.failure?.error === error) return;
  d.failure = { error, failed: frame?.id, frames: new Map(), values: new Map() };
}

/** What stood: closed on the error's way and gathered, or standing still. */
export function keep(d: Draft): Kept | TooLarge {
  const { failure } = d;
  const frames = byId(new Map([...(failure?.frames ?? []), ...d.frames]));
  const values = [...(failure?.values ?? []), ...d.values].filter(([key]) =>
    Object.hasOwn(frames, key.split(".")[0] ?? ""),
  );
  return bounded({
    frames,
    ...(values.length === 0 ? {} : { values: Object.fromEntries(values) }),
    ...(failure?.failed === undefined ? {} : { failed: failure.failed }),
  });
}

/** What stands in a state that is given up as it is. */
export function keepState({ frames, values }: State): Kept | TooLarge {
  return bounded({ frames, ...(values === undefined ? {} : { values }) });
}

function byId(frames: ReadonlyMap<string, Frame>): Record<string, Frame> {
  const sorted = [...frames.values()].toSorted((a, b) => Number(a.id) - Number(b.id));
  return Object.fromEntries(sorted.map((frame) => [frame.id, frame]));
}

function bounded(kept: Kept): Kept | TooLarge {
  const parts = new Set<Json | undefined>(Object.values(kept.values ?? {}));
  for (const frame of Object.values(kept.frames))
    for (const part of Object.values(frame) as (Json | undefined)[]) parts.add(part);
  let left = MAX_KEPT;
  try {
    for (const part of parts) {
      if (part !== undefined) left -= JSON.stringify(part).length;
      if (left < 0) return { tooLarge: true };
    }
    return kept;
  } catch (error) {
    // Too deep to be written: whoever writes the state will find out as well.
    if (error instanceof RangeError) return { tooLarge: true };
    throw error;
  }
}

/** The raw input of a kept frame's task, as `rawOf` gives that of a live one. */
export function keptRaw(kept: Kept, frame: Frame): Json {
  if (frame.raw !== undefined) return frame.raw;
  const parent = frame.parent === undefined ? undefined : kept.frames[frame.parent];
  if (parent === undefined) return null;
  return parent.input !== undefined ? parent.input : keptRaw(kept, parent);
}

/**
 * From the root to the task that failed, and on to the one task under way below it, if it was one alone. Without a task that
 * failed: as far down as only one task was under way.
 */
export function failedPath(kept: Kept): readonly Frame[] {
  const below = childrenOf(kept);
  const path: Frame[] = [];
  let frame = kept.failed === undefined ? rootOf(kept) : kept.frames[kept.failed];
  for (let up = frame; up !== undefined; up = kept.frames[up.parent ?? ""]) path.unshift(up);
  while (frame !== undefined) {
    const [only, ...more]: readonly Frame[] = below.get(frame.id) ?? [];
    frame = more.length === 0 ? only : undefined;
    if (frame !== undefined) path.push(frame);
  }
  return path;
}

function rootOf({ frames }: Kept): Frame | undefined {
  return Object.values(frames).find(({ kind }) => kind === "root");
}

/** The frames directly below each. */
export function childrenOf({ frames }: Kept): ReadonlyMap<string, readonly Frame[]> {
  const below = new Map<string, Frame[]>();
  for (const frame of Object.values(frames)) {
    if (frame.parent === undefined) continue;
    const siblings = below.get(frame.parent);
    if (siblings === undefined) below.set(frame.parent, [frame]);
    else siblings.push(frame);
  }
  return below;
}

/** The task that faulted an instance: the deepest known, with the raw input a retry gives it again. */
export interface FailedTask {
  readonly task: string;
  readonly input: Json;
  /** Which attempt of the nearest `try` around it, if it was in the body of one. */
  readonly attempt?: number;
}

/** Undefined when no task failed, or nothing was kept of it. */
export function failedTask({ kept }: State): FailedTask | undefined {
  if (kept === undefined || "tooLarge" in kept || kept.failed === undefined) return undefined;
  const frame = kept.frames[kept.failed];
  if (frame === undefined || frame.kind === "root") return undefined;
  const path = failedPath(kept);
  const around = path.slice(0, path.indexOf(frame));
  const tried = around.findLast((each) => each.kind === "try");
  const attempt = tried?.kind === "try" && tried.phase === "body" ? tried.attempt : undefined;
  const counted = attempt === undefined ? {} : { attempt };
  return { task: frame.ref, input: keptRaw(kept, frame), ...counted };
}
