/**
 * The activities of one instance that have no result yet. A few small ones are kept in the instance's own row, which every
 * transition writes anyway; many or large ones are rows of their own, so that a state stays cheap to write.
 */
import type { ScheduleActivity } from "@millrace/engine";

/** What the executor is asked, as far as the instance's row does not say it. */
export type OpenRequest = Omit<ScheduleActivity, "kind">;

export interface OpenActivity {
  readonly request: OpenRequest;
  /** 1 for the first delivery. */
  readonly attempt: number;
  /** Epoch of the owner that delivered it last: an older one means that the delivery is lost. */
  readonly epoch: number;
  /** All this as JSON. */
  readonly text: string;
}

export type OpenActivities = ReadonlyMap<string, OpenActivity>;

/** Open activities of one instance that its row holds, and characters of each, at most. */
const MOST = 16;
const LONGEST = 2048;

export const NONE_OPEN: OpenActivities = new Map();

export function openActivity(request: OpenRequest, attempt: number, epoch: number): OpenActivity {
  return { request, attempt, epoch, text: JSON.stringify({ attempt, epoch, request }) };
}

/** True when the instance's row has room for one more. */
export function fits(open: OpenActivities, { text }: OpenActivity): boolean {
  return open.size < MOST && text.length <= LONGEST;
}

/** → the row's column: a JSON array, or undefined for none. */
export function writeOpen(open: OpenActivities): string | undefined {
  if (open.size === 0) return undefined;
  let text = "";
  for (const activity of open.values()) text += `${text === "" ? "[" : ","}${activity.text}`;
  return `${text}]`;
}

/** The row's column → the activities by id. */
export function readOpen(column: string | undefined): OpenActivities {
  if (column === undefined) return NONE_OPEN;
  const stored = JSON.parse(column) as Omit<OpenActivity, "text">[];
  return new Map(
    stored.map(({ request, attempt, epoch }) => [
      request.activityId,
      openActivity(request, attempt, epoch),
    ]),
  );
}

/** The working copy for the commands of one batch: copied when first changed. */
export class OpenDraft {
  readonly #before: OpenActivities;
  #now: Map<string, OpenActivity> | undefined;

  constructor(before: OpenActivities) {
    this.#before = before;
  }

  get current(): OpenActivities {
    return this.#now ?? this.#before;
  }
  get changed(): boolean {
    return this.#now !== undefined;
  }

  set(activity: OpenActivity): void {
    this.#now ??= new Map(this.#before);
    this.#now.set(activity.request.activityId, activity);
  }

  /** False when it is not here. */
  delete(activityId: string): boolean {
    if (!this.current.has(activityId)) return false;
    this.#now ??= new Map(this.#before);
    return this.#now.delete(activityId);
  }
}
