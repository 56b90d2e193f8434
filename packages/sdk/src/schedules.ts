import type {
  BackfillAccepted,
  Json,
  Schedule,
  ScheduleCreate,
  ScheduleDecision,
  ScheduleDecisionList,
  ScheduleList,
  SchedulePreview,
  ScheduleSpec,
  StartedInstance,
} from "@millrace/protocol";
import { everyRow } from "./pages.ts";
import type { Call, Transport } from "./transport.ts";

export interface ScheduleFilter {
  readonly namespace?: string;
  /** Name of the workflow. */
  readonly workflow?: string;
  /** Only those that are paused, or only those that are not. */
  readonly paused?: boolean;
  /** Rows in a page, 1 … 500. */
  readonly limit?: number;
}
export interface DecisionFilter {
  readonly outcome?: ScheduleDecision["outcome"];
  /** Rows in a page, 1 … 500. */
  readonly limit?: number;
}
export interface TriggerOptions {
  /** Instead of the schedule's. */
  readonly input?: Json;
  /** At most one instance is ever started for a key; made up for each call unless given. */
  readonly idempotencyKey?: string;
}
export interface BackfillOptions {
  readonly from: Date;
  /** Included, as `from` is. */
  readonly until: Date;
  /** All instances at once, which is the default, or one after the other. */
  readonly overlap?: "allow" | "bufferAll";
}
export interface PreviewOptions {
  /** 1 … 1,000; 10 unless given. */
  readonly count?: number;
  /** Now unless given. */
  readonly after?: Date;
}
interface WithCursor {
  readonly cursor?: string;
}

/** `/v1/schedules`. Methods reject with a {@link MillraceError}. */
export class Schedules {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Resolves when the schedule is durable. The very same schedule again changes nothing. */
  create(schedule: ScheduleCreate): Promise<Schedule> {
    return this.#transport.json(sending("POST", "/v1/schedules", schedule));
  }

  /** Times that were due before are decided by the old spec, all later ones by the new. */
  update(name: string, spec: ScheduleSpec): Promise<Schedule> {
    return this.#transport.json(sending("PUT", addressOf(name), spec));
  }

  get(name: string): Promise<Schedule> {
    return this.#transport.json({ method: "GET", path: addressOf(name) });
  }

  /** Every schedule by name. */
  list(filter: ScheduleFilter = {}): AsyncGenerator<Schedule, void, undefined> {
    return everyRow((cursor) =>
      this.listPage({ ...filter, ...(cursor === undefined ? {} : { cursor }) }),
    );
  }

  listPage(filter: ScheduleFilter & WithCursor = {}): Promise<ScheduleList> {
    const query = { ...filter, paused: filter.paused?.toString() };
    return this.#transport.json({ method: "GET", path: "/v1/schedules", query });
  }

  /** What runs goes on. */
  async delete(name: string): Promise<void> {
    await this.#transport.delete(addressOf(name));
  }

  /** Triggers and backfills still start instances. Pausing again changes the note. */
  pause(name: string, options: { readonly note?: string } = {}): Promise<Schedule> {
    return this.#transport.json(sending("POST", `${addressOf(name)}/pause`, options));
  }

  /** Times while it was paused are on record as passed over. */
  resume(name: string, options: { readonly note?: string } = {}): Promise<Schedule> {
    return this.#transport.json(sending("POST", `${addressOf(name)}/resume`, options));
  }

  /** Starts an instance now, whatever runs. */
  trigger(name: string, options: TriggerOptions = {}): Promise<StartedInstance> {
    const { input, idempotencyKey = crypto.randomUUID() } = options;
    const body = input === undefined ? {} : { input };
    return this.#transport.json(
      sending("POST", `${addressOf(name)}/trigger`, body, { "idempotency-key": idempotencyKey }),
    );
  }

  /** Starts an instance for each time of the stretch that has none; it goes on by itself. */
  backfill(name: string, { from, until, overlap }: BackfillOptions): Promise<BackfillAccepted> {
    const body = {
      from: from.toISOString(),
      until: until.toISOString(),
      ...(overlap === undefined ? {} : { overlap }),
    };
    return this.#transport.json(sending("POST", `${addressOf(name)}/backfill`, body));
  }

  /** The next times of a schedule; fewer than asked for when there are no more. */
  preview(name: string, options: PreviewOptions = {}): Promise<SchedulePreview> {
    const path = `${addressOf(name)}/preview`;
    return this.#transport.json({ method: "GET", path, query: queryOf(options) });
  }

  /** The times that a schedule would have, without making it. */
  previewSpec(spec: ScheduleSpec, options: PreviewOptions = {}): Promise<SchedulePreview> {
    const call = sending("POST", "/v1/schedules/preview", spec);
    return this.#transport.json({ ...call, query: queryOf(options) });
  }

  /** What became of its times, newest first. */
  decisions(
    name: string,
    filter: DecisionFilter = {},
  ): AsyncGenerator<ScheduleDecision, void, undefined> {
    return everyRow((cursor) =>
      this.decisionsPage(name, { ...filter, ...(cursor === undefined ? {} : { cursor }) }),
    );
  }

  decisionsPage(
    name: string,
    filter: DecisionFilter & WithCursor = {},
  ): Promise<ScheduleDecisionList> {
    const path = `${addressOf(name)}/decisions`;
    return this.#transport.json({ method: "GET", path, query: { ...filter } });
  }
}

function addressOf(name: string): string {
  return `/v1/schedules/${encodeURIComponent(name)}`;
}

function sending(
  method: "POST" | "PUT",
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Call {
  return {
    method,
    path,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  };
}

function queryOf({ count, after }: PreviewOptions) {
  return { count, after: after?.toISOString() };
}
