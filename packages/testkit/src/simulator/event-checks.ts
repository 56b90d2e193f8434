/** What has to hold of events: each is consumed once by whoever waits for it, in order, and none is left on its way. */
import type { Batch } from "@millrace/server/ports";
import type { Surroundings } from "./surroundings.ts";

interface EventMail {
  readonly command: {
    readonly kind: string;
    readonly seq: number;
    readonly event: {
      readonly id: string;
      readonly source: string;
      readonly subject?: string;
      readonly type: string;
    };
  };
}

export class EventChecks {
  /** By target, and sequence number or source and id. */
  readonly #consumed = new Set<string>();
  /** The highest sequence number by target, source, subject and type. */
  readonly #last = new Map<string, number>();
  readonly #around: () => Surroundings;

  constructor(around: () => Surroundings) {
    this.#around = around;
  }

  /** Looks at the mail that a batch takes, before it goes. */
  committing({ consumed, returned, updated, schedules, deletedSchedules }: Batch): void {
    const taken = [...updated, ...schedules, ...deletedSchedules];
    const changed = new Set(taken.map(({ id }) => id));
    const { database, met, time } = this.#around();
    const back = new Set(returned.map(({ targetId, seq }) => `${targetId}/${seq}`));
    for (const { id } of consumed) {
      const row = database.inbox.get(id);
      if (row === undefined || !row.command.includes('"event.delivered"')) continue;
      const { command } = JSON.parse(row.command) as EventMail;
      if (command.kind !== "event.delivered") continue;
      if (back.has(`${row.instanceId}/${command.seq}`)) met("an event was refused and given back");
      else {
        if (!changed.has(row.instanceId))
          this.#around().violation(`event ${command.seq} went to ${row.instanceId} for nothing`);
        this.#take(row.instanceId, command);
        // Mails sort by the clock of the database: one that is sent after it was set back may overtake one that waits.
        if (!time.wasSetBack) this.#follow(row.instanceId, command);
      }
    }
  }

  #take(target: string, { seq, event }: EventMail["command"]): void {
    const { violation, met } = this.#around();
    const { id, source } = event;
    for (const name of [`${target}/${seq}`, JSON.stringify([target, source, id])]) {
      if (this.#consumed.has(name)) violation(`event ${seq} ${id} was consumed twice by ${target}`);
      this.#consumed.add(name);
    }
    met("an event was consumed");
  }

  /** In order per source, subject and type. */
  #follow(target: string, { seq, event }: EventMail["command"]): void {
    const { violation } = this.#around();
    const { source, subject = "", type } = event;
    const stream = JSON.stringify([target, source, subject, type]);
    if ((this.#last.get(stream) ?? 0) > seq)
      violation(`event ${seq} was consumed by ${target} after ${this.#last.get(stream)}`);
    this.#last.set(stream, seq);
  }

  /** At rest nothing is on its way, and nobody waits. */
  final(): void {
    const { database, violation } = this.#around();
    const { queue, looks, subscriptions, marks } = database.waits;
    if (queue.length > 0) violation(`${queue.length} events are not matched in the end`);
    if (looks.size > 0) violation(`looks are open in the end: ${[...looks.keys()].join(" ")}`);
    if (subscriptions.size > 0)
      violation(`somebody waits in the end: ${[...subscriptions.keys()].join(" ")}`);
    for (const name of marks.keys())
      if (!this.#consumed.has(name)) violation(`event ${name} is marked, and nobody has it`);
  }
}
