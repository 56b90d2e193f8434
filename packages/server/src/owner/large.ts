/**
 * Splits large values off what one instance writes in a batch. A value is hashed once: what the instance's state held before,
 * what came in a message, and what another row of the same decision has, is known by its identity.
 */
import type { HistoryEvent, State } from "@millrace/engine";
import type { ScheduleState } from "../scheduler/schedule.ts";
import { FACT, MAIL, REQUEST, SCHEDULE_STATE, STATE } from "../payloads/shapes.ts";
import {
  FLAT,
  isSmall,
  type Known,
  mentions,
  NONE,
  type Shape,
  spill,
  type Spilled,
  type SpillRules,
  type Stored,
} from "../payloads/spill.ts";
import type { BatchBuilder } from "./builder.ts";
import type { Entry } from "./entry.ts";

/** Whose values they are. */
export interface LargeOf {
  /** The instance, or the schedule. */
  readonly id: string;
  readonly tenant: string;
  /** What its state as committed refers to. */
  readonly held?: Known | undefined;
  /** What else is stored: values that came in messages. */
  readonly brought: readonly Pick<Entry, "parted">[];
}

/** A state as it is written. */
interface Stated {
  readonly text: string;
  /** What it refers to. */
  readonly large: Known;
}

export class LargeValues {
  readonly #rules: SpillRules | undefined;
  readonly #of: LargeOf;
  readonly #batch: Pick<BatchBuilder, "refer" | "keep">;
  #known: Known;

  /** @param rules absent where nothing can be stored: then nothing is split off */
  constructor(
    rules: SpillRules | undefined,
    of: LargeOf,
    batch: Pick<BatchBuilder, "refer" | "keep">,
  ) {
    this.#rules = rules;
    this.#of = of;
    this.#batch = batch;
    this.#known = of.held ?? NONE;
    for (const { parted } of of.brought) if (parted !== undefined) this.#learn(parted.known);
  }

  state(state: State): Stated {
    return this.#state(state, STATE);
  }

  /** As {@link state}. */
  schedule(state: ScheduleState): Stated {
    return this.#state(state, SCHEDULE_STATE);
  }

  #state(state: object, shape: Shape): Stated {
    if (this.#rules === undefined) return { text: JSON.stringify(state), large: NONE };
    const { text, values } = this.#own(state, this.#rules, shape);
    return { text, large: values };
  }

  /** @returns JSON text of the array, and its elements as they stand there */
  facts(events: readonly HistoryEvent[]): {
    readonly text: string;
    readonly events: readonly HistoryEvent[];
  } {
    const rules = this.#rules;
    if (rules === undefined) return { text: JSON.stringify(events), events };
    if (this.#known.size === 0) {
      const text = JSON.stringify(events);
      if (isSmall(text, rules.limit)) return { text, events };
    }
    const spilled = events.map((event) => this.#own(event, rules, FACT));
    const text = `[${spilled.map((each) => each.text).join(",")}]`;
    return { text, events: spilled.map(({ record }) => record as HistoryEvent) };
  }

  /** What an executor is asked, as a row of the instance. */
  request(record: object): string {
    if (this.#rules === undefined) return JSON.stringify(record);
    return this.#own(record, this.#rules, REQUEST).text;
  }

  /** What goes to another's inbox, who refers to it from then on. */
  mail(to: string, record: object): string {
    if (this.#rules === undefined) return JSON.stringify(record);
    const spilled = this.#spill(record, this.#rules, MAIL);
    this.#refer(to, "instance", spilled);
    return spilled.text;
  }

  /** An event that is kept for itself. @param id of its row @param text of the whole */
  event(id: string, record: object, text: string): string {
    if (this.#rules === undefined || isSmall(text, this.#rules.limit)) return text;
    const spilled = this.#spill(record, this.#rules, FLAT);
    this.#refer(id, "event", spilled);
    return spilled.text;
  }

  /** True for what has a large value that is known already: its text would be long. */
  mentions(record: object): boolean {
    return this.#rules !== undefined && mentions(record, this.#rules, this.#known);
  }

  #own(record: object, rules: SpillRules, shape: Shape): Spilled {
    const spilled = this.#spill(record, rules, shape);
    const { id, held = NONE } = this.#of;
    if (spilled.refs.length === 0) return spilled;
    // What stands in the state as committed is referred to already, and stays so until this commit.
    const fresh = [...spilled.values].filter(([value]) => !held.has(value));
    if (fresh.length > 0) this.#refer(id, "instance", { values: new Map(fresh) });
    return spilled;
  }

  #spill(record: object, rules: SpillRules, shape: Shape): Spilled {
    const spilled = spill(record, rules, { known: this.#known, shape });
    if (spilled.fresh.length > 0) {
      this.#batch.keep(this.#of.tenant, spilled.fresh);
      this.#learn(spilled.values);
    }
    return spilled;
  }

  #learn(values: Known): void {
    if (values.size > 0) this.#known = new Map<unknown, Stored>([...this.#known, ...values]);
  }

  #refer(holder: string, kind: "instance" | "event", { values }: Pick<Spilled, "values">): void {
    const { tenant } = this.#of;
    for (const { digest } of values.values()) this.#batch.refer({ holder, tenant, digest, kind });
  }
}

/** Bytes of large values. */
export function bytesOf(large: Known): number {
  let bytes = 0;
  for (const stored of large.values()) bytes += stored.bytes;
  return bytes;
}
