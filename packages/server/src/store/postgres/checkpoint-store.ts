/** Checkpoints in `activity_checkpoints`: the latest of each chain, and its payload's reference in the same transaction. */
import type { Pool } from "pg";
import type {
  Chain,
  ChainKey,
  Checkpoint,
  CheckpointRow,
  CheckpointStore,
  Level,
  Saved,
} from "../../workers/checkpoint.ts";
import { StoreError } from "../store.ts";
import { bigints, column, ints } from "./columns.ts";
import type { Statement } from "./statement.ts";
import { asStoreError, inOneFlight } from "./transaction.ts";

/** The holder of a checkpoint's reference, in `payload_refs`. SQL says the same below. */
export function checkpointHolder({ instanceId, chain }: Omit<ChainKey, "partition">): string {
  return `${instanceId}/${chain}`;
}

/** Of a row as it is then; of one that was not written, `number` is null. */
interface SavedRow extends CheckpointColumns {
  readonly there: boolean;
}
interface CheckpointColumns {
  readonly chain: string;
  readonly attempt: number;
  readonly number: number | null;
  readonly level: Level;
  readonly percent: number | null;
  readonly note: string | null;
  readonly data: string | null;
  readonly digest: Buffer | null;
  readonly at: string;
}
interface ChainRow extends CheckpointColumns {
  readonly activity_id: string | null;
  readonly expiries: number;
}

/**
 * A payload is locked before it is referred to, so that it is either there or known not to be. What is of level `progress` leaves
 * what there is to go on from as it was.
 */
const SAVE = `
  WITH given AS MATERIALIZED (
    SELECT g.*, g.instance_id || '/' || g.chain AS holder
    FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::int[], $6::int[], $7::text[], $8::real[], $9::text[],
                $10::text[], $11::bytea[])
      AS g(partition, instance_id, chain, tenant, attempt, number, level, percent, note, data, digest)
  ), held AS MATERIALIZED (
    SELECT g.chain FROM given AS g JOIN payloads AS p ON p.tenant = g.tenant AND p.digest = g.digest
    FOR KEY SHARE OF p
  ), saved AS (
    INSERT INTO activity_checkpoints AS c
      (partition, instance_id, chain, tenant, attempt, number, level, percent, note, data, digest, at)
    SELECT partition, instance_id, chain, tenant, attempt, number, level, percent, note, data, digest, now_ms()
    FROM given AS g WHERE g.digest IS NULL OR g.chain IN (SELECT chain FROM held)
    ON CONFLICT (partition, instance_id, chain) DO UPDATE SET
      attempt = excluded.attempt, number = excluded.number, percent = excluded.percent, note = excluded.note,
      at = excluded.at,
      level = CASE WHEN excluded.level = 'progress' THEN c.level ELSE excluded.level END,
      data = CASE WHEN excluded.level = 'progress' THEN c.data ELSE excluded.data END,
      digest = CASE WHEN excluded.level = 'progress' THEN c.digest ELSE excluded.digest END
      WHERE c.number < excluded.number
    RETURNING c.*
  ), referred AS (
    INSERT INTO payload_refs (holder, tenant, digest, kind)
    SELECT instance_id || '/' || chain, tenant, digest, 'checkpoint' FROM saved WHERE digest IS NOT NULL
    ON CONFLICT (holder, digest) DO UPDATE SET at = greatest(excluded.at, payload_refs.at + 1)
  ), released AS (
    DELETE FROM payload_refs AS r USING saved AS s
    WHERE r.holder = s.instance_id || '/' || s.chain AND r.digest IS DISTINCT FROM s.digest
  )
  SELECT g.chain, s.attempt, s.number, s.level, s.percent, s.note, s.data, s.digest, s.at,
         g.digest IS NULL OR g.chain IN (SELECT chain FROM held) AS there
  FROM given AS g LEFT JOIN saved AS s USING (partition, instance_id, chain)`;

const KEYS = "unnest($1::int[], $2::text[], $3::text[]) AS k(partition, instance_id, chain)";

/** A row with number 0 stands for no checkpoint. */
const EXPIRED = `
  INSERT INTO activity_checkpoints AS c
    (partition, instance_id, chain, tenant, attempt, number, level, at, activity_id, expiries)
  VALUES ($1, $2, $3, $4, $5, 0, 'progress', now_ms(), $6, $7)
  ON CONFLICT (partition, instance_id, chain) DO UPDATE SET
    activity_id = excluded.activity_id, expiries = excluded.expiries`;

const LOAD = `
  SELECT c.chain, c.attempt, c.number, c.level, c.percent, c.note, c.data, c.digest, c.at, c.activity_id, c.expiries
  FROM ${KEYS} JOIN activity_checkpoints AS c USING (partition, instance_id, chain)`;

const DELETE = `
  WITH gone AS (DELETE FROM activity_checkpoints AS c USING ${KEYS}
    WHERE c.partition = k.partition AND c.instance_id = k.instance_id AND c.chain = k.chain RETURNING c.*)
  DELETE FROM payload_refs AS r USING gone AS g WHERE r.holder = g.instance_id || '/' || g.chain`;

/** @param owner knows the epochs of this node's partitions: no other node's checkpoints are written over */
export function postgresCheckpointStore(
  pool: Pool,
  owner: { epochOf(partition: number): number | undefined },
): CheckpointStore {
  const write = async (rows: readonly CheckpointRow[]): Promise<readonly Saved[]> => {
    const epochs = new Map<number, number>();
    for (const { partition } of rows) epochs.set(partition, owner.epochOf(partition) ?? -1);
    const [, answer] = await inOneFlight(pool, [fence([...epochs]), saveStatement(rows)]);
    const answers: readonly SavedRow[] = answer?.rows ?? [];
    const found = new Map(answers.map((row) => [row.chain, row]));
    return rows.map(({ chain }) => savedOf(found.get(chain)));
  };
  return {
    async save(rows) {
      try {
        return await write(rows);
      } catch (error) {
        if (!(error instanceof StoreError) || error.kind !== "stale-epoch") throw error;
        // One partition has another owner: that must not be the others' matter.
        const partitions = new Set(rows.map(({ partition }) => partition));
        const stale: Saved = { kind: "stale" };
        if (partitions.size === 1) return rows.map(() => stale);
        const saved = new Map<CheckpointRow, Saved>();
        for (const each of partitions) {
          const its = rows.filter(({ partition }) => partition === each);
          const answers = await this.save(its);
          for (const [index, row] of its.entries()) saved.set(row, answers[index] ?? stale);
        }
        return rows.map((row) => saved.get(row) ?? stale);
      }
    },
    async load(chains) {
      const rows = await keyed<ChainRow>(pool, "load-checkpoints", LOAD, chains);
      return new Map(rows.map((row) => [row.chain, chainOf(row)]));
    },
    async expired({ partition, instanceId, chain, tenant, attempt, activityId, count }) {
      const epoch = owner.epochOf(partition) ?? -1;
      const values = [partition, instanceId, chain, tenant, attempt, activityId, count];
      const write = { name: "expire-lease", text: EXPIRED, values };
      try {
        await inOneFlight(pool, [fence([[partition, epoch]]), write]);
      } catch (error) {
        if (!(error instanceof StoreError) || error.kind !== "stale-epoch") throw error;
      }
    },
    async delete(chains) {
      await keyed(pool, "delete-checkpoints", DELETE, chains);
    },
  };
}

/** @throws {StoreError} */
async function keyed<Row>(
  pool: Pool,
  name: string,
  text: string,
  chains: readonly ChainKey[],
): Promise<readonly Row[]> {
  const values = [
    ints(chains, (c) => c.partition),
    column(chains, (c) => c.instanceId),
    column(chains, (c) => c.chain),
  ];
  try {
    return (await pool.query({ name, text, values })).rows as Row[];
  } catch (error) {
    throw asStoreError(error);
  }
}

function fence(epochs: readonly (readonly [partition: number, epoch: number])[]): Statement {
  const values = [ints(epochs, ([partition]) => partition), bigints(epochs, ([, epoch]) => epoch)];
  return { name: "fence", text: "SELECT check_epochs($1::int[], $2::bigint[])", values };
}

function saveStatement(rows: readonly CheckpointRow[]): Statement {
  // A text column holds no NUL.
  const plain = (text: string | undefined): string | null =>
    text?.replaceAll("\0", "\uFFFD") ?? null;
  const values = [
    ints(rows, (r) => r.partition),
    column(rows, (r) => r.instanceId),
    column(rows, (r) => r.chain),
    column(rows, (r) => r.tenant),
    ints(rows, (r) => r.attempt),
    ints(rows, (r) => r.number),
    column(rows, (r) => r.level),
    column(rows, (r) => r.percent ?? null),
    column(rows, (r) => plain(r.note)),
    column(rows, (r) => r.data ?? null),
    column(rows, (r) => (r.digest === undefined ? null : Buffer.from(r.digest, "hex"))),
  ];
  return { name: "save-checkpoints", text: SAVE, values };
}

function savedOf(row: SavedRow | undefined): Saved {
  if (row === undefined) return { kind: "stale" };
  if (!row.there) return { kind: "no-such-payload" };
  return row.number === null ? { kind: "stale" } : { kind: "saved", checkpoint: checkpointOf(row) };
}

function chainOf(row: ChainRow): Chain {
  const { activity_id, expiries, number } = row;
  return {
    expiries,
    ...(number === 0 ? {} : { checkpoint: checkpointOf(row) }),
    ...(activity_id === null ? {} : { activityId: activity_id }),
  };
}

function checkpointOf(row: CheckpointColumns): Checkpoint {
  const { attempt, number, level, percent, note, data, digest, at } = row;
  return {
    number: number ?? 0,
    attempt,
    level,
    ...(percent === null ? {} : { percent }),
    ...(note === null ? {} : { note }),
    ...(data === null ? {} : { data }),
    ...(digest === null ? {} : { digest: digest.toString("hex") }),
    at: Number(at),
  };
}
