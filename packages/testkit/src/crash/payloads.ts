/**
 * Payloads under SIGKILL: the server, now and then with PostgreSQL, is killed in the midst of thousands of uploads that were all sent at
 * once, while payloads of the round before are being deleted. Afterwards everything that was acknowledged is there as it went, everything
 * else is there whole or not at all, and what was left behind is swept.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { killFamily } from "@millrace/server/embedded";
import { BORDER, PayloadClient, type Upload, uploadsOf } from "./payload-load.ts";
import {
  agePartial,
  forEach,
  judgeFolder,
  judgeSweep,
  judgeUploads,
  type PayloadVerdict,
} from "./payload-verdict.ts";
import { untilReady } from "./prober.ts";
import { type Random, seeded } from "./random.ts";
import { openStand, type Stand } from "./stand.ts";

export interface PayloadRounds {
  readonly rounds: number;
  /** Uploads at the same time. */
  readonly uploads: number;
  readonly seed: number;
  readonly say: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** All from `lost` on have to be zero. */
export interface PayloadTotals {
  rounds: number;
  /** Of the rounds, those in which PostgreSQL was killed as well. */
  databaseKills: number;
  uploads: number;
  acknowledged: number;
  turnedAway: number;
  lost: number;
  damaged: number;
  leftover: number;
  wrong: number;
  hung: number;
}

const READY_MS = 60_000;
/** Of earlier rounds, looked at again in each. */
const REMEMBERED = 2_000;
const SHOWN = 5;

export async function runPayloads(options: PayloadRounds): Promise<PayloadTotals> {
  const { rounds, seed, say, signal } = options;
  const totals: PayloadTotals = {
    rounds: 0,
    databaseKills: 0,
    uploads: 0,
    acknowledged: 0,
    turnedAway: 0,
    lost: 0,
    damaged: 0,
    leftover: 0,
    wrong: 0,
    hung: 0,
  };
  const stand = await openStand({
    mode: "given",
    seed,
    smallDisk: false,
    exclusive: true,
    environment: (folder) => ({
      MILLRACE_PAYLOAD_STORES: `database<${BORDER / 1024}KiB,directory`,
      MILLRACE_PAYLOAD_DIRECTORY: folderOf(folder),
      // The sweeper comes as often as this.
      MILLRACE_PAYLOAD_GRACE: "PT1S",
    }),
  });
  if (stand === undefined) throw new Error("there is nothing to run on");
  const series = new Series(stand, options.uploads);
  try {
    for (let round = 0; round < rounds; round++) {
      if (signal?.aborted === true) break;
      await series.round(
        seeded(seed + round),
        `round ${round + 1}, seed ${seed + round}`,
        say,
        totals,
      );
    }
  } finally {
    const bad = totals.rounds === 0 || isBadPayloads(totals);
    if (bad) say(`logs in ${stand.folder}`);
    await stand.close(bad);
  }
  return totals;
}

export function isBadPayloads({ lost, damaged, leftover, wrong, hung }: PayloadTotals): boolean {
  return lost + damaged + leftover + wrong + hung > 0;
}

function folderOf(folder: string): string {
  return join(folder, "data", "payloads");
}

/** When the kill comes. */
interface Moment {
  /** With so many uploads acknowledged; 0: by itself. */
  readonly count: number;
  readonly come: () => void;
  readonly came: Promise<void>;
}

/** Rounds on one stand: what one leaves, the next deletes or looks at again. */
class Series {
  readonly #stand: Stand;
  readonly #count: number;
  /** Milliseconds until the last upload of a round is answered; the first round tells. */
  #duration: number | undefined;
  #toDelete: readonly Upload[] = [];
  readonly #remembered: Upload[] = [];
  /** What uploads of earlier rounds left in the folder. */
  #halfDone: ReadonlySet<string> = new Set();

  constructor(stand: Stand, count: number) {
    this.#stand = stand;
    this.#count = count;
  }

  async round(
    random: Random,
    name: string,
    say: (line: string) => void,
    totals: PayloadTotals,
  ): Promise<void> {
    const { server, folder } = this.#stand;
    const began = performance.now();
    await untilReady(this.#stand, READY_MS);
    const uploads = uploadsOf(this.#count, random);
    const killsDatabase = random.chance(0.3);
    const load = new PayloadClient(server.url);
    const deleted = await this.#strike(load, uploads, random, killsDatabase);
    load.close();
    const acknowledged = uploads.filter(({ outcome }) => outcome === "acknowledged").length;
    await untilReady(this.#stand, READY_MS);

    const verdict: PayloadVerdict = { lost: [], damaged: [], leftover: [] };
    const reader = new PayloadClient(server.url);
    await judgeUploads(reader, [...uploads, ...this.#remembered], verdict);
    await this.#judgeDeleted(reader, deleted, verdict);
    const url = this.#stand.database.url();
    await judgeFolder(url, folderOf(folder), verdict);
    await this.#sendAgain(reader, uploads, verdict);
    await judgeSweep(url, folderOf(folder), this.#halfDone, verdict);
    this.#halfDone = agePartial(folderOf(folder));
    reader.close();
    this.#remember(uploads);

    totals.rounds += 1;
    totals.databaseKills += killsDatabase ? 1 : 0;
    totals.uploads += uploads.length;
    totals.acknowledged += acknowledged;
    totals.turnedAway += load.turnedAway + reader.turnedAway;
    const faults = {
      ...verdict,
      wrong: [...load.wrong, ...reader.wrong],
      hung: [...load.hung, ...reader.hung],
    };
    const counts = Object.entries(faults).map(([fault, all]) => `${fault} ${all.length}`);
    const seconds = ((performance.now() - began) / 1_000).toFixed(0);
    const what = killsDatabase ? "server and PostgreSQL" : "server";
    say(
      `${name}: ${what} killed after ${acknowledged} of ${uploads.length} uploads, ${seconds} s; ${counts.join(", ")}`,
    );
    for (const [fault, all] of Object.entries(faults)) {
      totals[fault as keyof typeof faults] += all.length;
      for (const text of all.slice(0, SHOWN)) say(`  ${fault}: ${text}`);
    }
  }

  /**
   * Sends everything at once, and kills at a random moment of the time that this takes.
   * @returns what was to be deleted, with whether that was acknowledged
   */
  async #strike(
    client: PayloadClient,
    uploads: readonly Upload[],
    random: Random,
    killsDatabase: boolean,
  ): Promise<ReadonlyMap<Upload, boolean>> {
    const deleted = new Map<Upload, boolean>();
    const began = performance.now();
    const moment = this.#moment(uploads.length, random);
    let last = began;
    let acknowledged = 0;
    const sending = uploads.map(async (upload) => {
      await client.upload(upload);
      if (upload.outcome !== "acknowledged") return;
      last = performance.now();
      acknowledged += 1;
      if (acknowledged === moment.count) moment.come();
    });
    const deleting = forEach(this.#toDelete, async (upload) => {
      const answer = await client.send("DELETE", `/v1/payloads/${upload.digest}`);
      deleted.set(upload, answer?.status === 200);
    });
    const all = Promise.all(sending);
    await Promise.race([all, moment.came]);
    const isAll = acknowledged === uploads.length;
    if (killsDatabase) await this.#killBoth(random);
    else await this.#stand.server.kill();
    await all;
    await deleting;
    if (isAll) this.#duration = last - began;
    return deleted;
  }

  /** After so many were acknowledged, or at some time: most answers come near the end, when all have been sent. */
  #moment(count: number, random: Random): Moment {
    const { promise: came, resolve: come } = Promise.withResolvers<void>();
    const isTimed = this.#duration !== undefined && random.chance(0.3);
    if (!isTimed) return { count: random.between(1, count), come, came };
    const timer = setTimeout(come, (this.#duration ?? 0) * random.next());
    return { count: 0, come: () => clearTimeout(timer), came };
  }

  async #killBoth(random: Random): Promise<void> {
    const { database, server } = this.#stand;
    const pid = database.pid();
    database.stayDown(random.between(0, 1_000));
    const isFirst = random.chance(0.5);
    if (isFirst && pid !== undefined) killFamily(pid);
    await sleep(isFirst ? random.between(0, 200) : 0);
    await server.kill();
    if (pid !== undefined) killFamily(pid);
  }

  /** What was deleted is gone; where no answer came, it is gone or there. */
  async #judgeDeleted(
    client: PayloadClient,
    deleted: ReadonlyMap<Upload, boolean>,
    { damaged, leftover }: PayloadVerdict,
  ): Promise<void> {
    await forEach(deleted, async ([{ kind, digest, bytes }, isAcknowledged]) => {
      const found = await client.read(kind, digest);
      if (typeof found !== "object") return;
      if (isAcknowledged) leftover.push(`${kind} ${digest} was deleted, and is there`);
      if (!found.equals(bytes)) damaged.push(`${kind} ${digest}: ${found.length} bytes came`);
    });
  }

  /** What was cut off can be sent again, and is there then. */
  async #sendAgain(
    client: PayloadClient,
    uploads: readonly Upload[],
    verdict: PayloadVerdict,
  ): Promise<void> {
    const cut = uploads.filter(({ outcome }) => outcome === "unknown").slice(0, 300);
    await forEach(cut, (upload) => client.upload(upload));
    for (const { kind, digest, outcome } of cut)
      if (outcome === "unknown") verdict.lost.push(`${kind} ${digest} cannot be sent again`);
    await judgeUploads(client, cut, verdict);
  }

  #remember(uploads: readonly Upload[]): void {
    const kept = uploads.filter(({ outcome }) => outcome === "acknowledged");
    const large = kept.filter(({ bytes, isTwin }) => bytes.length >= BORDER && !isTwin);
    this.#toDelete = large;
    const small = kept.filter(({ bytes }) => bytes.length < BORDER);
    this.#remembered.push(...small.slice(0, REMEMBERED / 10));
    this.#remembered.splice(0, Math.max(0, this.#remembered.length - REMEMBERED));
  }
}
