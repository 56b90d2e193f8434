/** Planted bugs in how payloads are referred to and swept: the simulator, or a test on PostgreSQL, finds them. */
import type { Killer, Mutant } from "./mutant.ts";

const SERVER = "packages/server/src";
const SWEEPING = `${SERVER}/store/postgres/migrations/0012-payload-sweeping.sql`;
const SWEEP_STORE = `${SERVER}/store/postgres/payload-sweep-store.ts`;
/** The tables of payloads in memory stand for statements that only one database has. */
const SIMULATOR = "packages/testkit/src/simulator";
const simulator: Killer = { kind: "simulator", seeds: 2000 };
const test = (name: string): Killer => ({
  kind: "test",
  file: `packages/server/test/payloads/${name}.test.ts`,
});
const statements = test("sweep-store");
const races = test("sweep-race");
const uploads = test("sweep-upload-race");
const service = test("sweeper");

const mutant = (
  name: string,
  breaks: string,
  killer: Killer,
  ...edits: readonly (readonly [file: string, find: string, replace: string])[]
): Mutant => ({
  name: `payload-${name}`,
  breaks,
  edits: edits.map(([file, find, replace]) => ({ file, find, replace })),
  killer,
});

export const PAYLOAD_MUTANTS: readonly Mutant[] = [
  mutant("swept-though-referred", "what is referred to is swept", simulator, [
    `${SIMULATOR}/payload-sweeps.ts`,
    "const gone = places.filter((row) => !referred.has(keyOf(row)));",
    "const gone = referred.size < 0 ? [] : places;",
  ]),
  mutant("not-referred", "a batch mentions values and does not refer to them", simulator, [
    `${SERVER}/owner/builder.ts`,
    "this.#payloadRefs.set(",
    "new Map().set(",
  ]),
  mutant("mail-not-referred", "who gets mail does not refer to its values", simulator, [
    `${SERVER}/owner/large.ts`,
    '    this.#refer(to, "instance", spilled);\n',
    "",
  ]),
  mutant(
    "reference-not-touched",
    "a reference that is there is not written again, so nobody sees that it was meant anew",
    races,
    [
      `${SERVER}/store/postgres/commit-payloads.ts`,
      "ON CONFLICT (holder, digest) DO UPDATE SET at = greatest(excluded.at, payload_refs.at + 1)",
      "ON CONFLICT DO NOTHING",
    ],
  ),
  mutant("inbox-not-read", "what waits in the inbox is overlooked", simulator, [
    `${SIMULATOR}/database.ts`,
    "      if (instanceId === holder) yield command;\n",
    "      if (instanceId === holder && command === holder) yield command;\n",
  ]),
  mutant("references-for-ever", "what is mentioned no more stays referred to", simulator, [
    `${SERVER}/payloads/sweeper.ts`,
    "...storeSweeper(config, figures), references, count]",
    "...storeSweeper(config, figures), count]",
  ]),
  mutant(
    "grace-ignored",
    "what was stored just now is swept before anything can refer to it",
    statements,
    [
      SWEEPING,
      "WHERE NOT p.kept AND p.touched_at <= now_ms() - grace",
      "WHERE NOT p.kept AND grace IS NOT NULL",
    ],
    [
      SWEEP_STORE,
      "p.touched_at <= (SELECT now_ms() - $1::bigint)",
      "p.touched_at > $1::bigint - 1e15",
    ],
  ),
  mutant("kept-and-swept", "what a user keeps is swept", races, [
    SWEEPING,
    "WHERE NOT p.kept AND p.touched_at <= now_ms() - grace",
    "WHERE p.touched_at <= now_ms() - grace",
  ]),
  mutant("swept-without-lock", "a reference comes between the look and the deletion", races, [
    SWEEPING,
    "    FOR UPDATE OF p SKIP LOCKED)\n",
    ")\n",
  ]),
  mutant("dropped-without-look", "a reference is dropped whatever has become of it", races, [
    SWEEP_STORE,
    " AND x.digest = n.digest AND x.at = n.at\n",
    " AND x.digest = n.digest\n",
  ]),
  mutant("state-not-read", "what the state mentions is overlooked", statements, [
    SWEEPING,
    "    SELECT state FROM instances WHERE id = instance\n    UNION ALL ",
    "    ",
  ]),
  mutant("leftover-forgotten", "what a swept payload had in a store stays there", statements, [
    SWEEPING,
    "SELECT store, location, now_ms() + delay FROM gone WHERE store IS NOT NULL",
    "SELECT store, location, now_ms() + delay FROM gone WHERE store = ''",
  ]),
  mutant("leftover-not-claimed", "an upload ends with bytes that are being deleted", uploads, [
    SWEEP_STORE,
    "SET sweeping = true, due_at",
    "SET due_at",
  ]),
  mutant("upload-of-swept-bytes", "an upload ends though its bytes were swept", uploads, [
    `${SERVER}/store/postgres/payload-uploads.ts`,
    "    WHERE NOT l.sweeping FOR UPDATE OF l\n",
    "    FOR UPDATE OF l\n",
  ]),
  mutant("remembered-after-the-sweep", "what was swept is read from memory", service, [
    `${SERVER}/payloads/sweeper.ts`,
    "    config.onSwept?.(swept);\n",
    "",
  ]),
  mutant("forgotten-undeleted", "what a store did not delete is forgotten", service, [
    `${SERVER}/payloads/sweeper-stores.ts`,
    "deleted.push(...some.filter((_, index) => removed[index]));",
    "deleted.push(...some.filter((_, index) => index < removed.length));",
  ]),
  mutant(
    "released-though-referred",
    "what a user deletes is gone for those who refer to it",
    test("database-payloads"),
    [
      `${SERVER}/store/postgres/payload-catalog.ts`,
      "${STILL_KEPT} AND ${REFERRED} IS NULL",
      "${STILL_KEPT}",
    ],
  ),
];
