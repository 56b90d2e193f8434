/** What a killed server has left of the uploads it was given: through the API, in the catalogue, and in the folder. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { isWhole } from "../payloads/bodies.ts";
import type { PayloadClient, Upload } from "./payload-load.ts";

/** Everything here has to be empty; each text says what and where. */
export interface PayloadVerdict {
  /** Acknowledged, and not there. */
  readonly lost: string[];
  /** Other bytes than those of the digest, or a part of them. */
  readonly damaged: string[];
  /** What nothing refers to and was not swept, or what the catalogue and the folder do not agree on. */
  readonly leftover: string[];
}

const AT_ONCE = 64;
/** Where uploads grow. */
const PARTIAL = "partial";
/** Milliseconds for the sweeper to come to everything that is due. */
const SWEEP_MS = 60_000;

/** Runs `work` on all, so many at the same time. */
export async function forEach<T>(
  all: Iterable<T>,
  work: (one: T) => Promise<void>,
  atOnce = AT_ONCE,
): Promise<void> {
  const rest = all[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); next.done !== true; next = rest.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Reads every upload back. */
export async function judgeUploads(
  client: PayloadClient,
  uploads: readonly Upload[],
  { lost, damaged }: PayloadVerdict,
): Promise<void> {
  await forEach(uploads, async ({ kind, digest, bytes, outcome }) => {
    const found = await client.read(kind, digest);
    const what = `${kind} ${digest}, ${bytes.length} bytes`;
    if (typeof found === "object") {
      if (!found.equals(bytes)) damaged.push(`${what}: ${found.length} bytes came`);
    } else if (outcome === "acknowledged") lost.push(`${what}: ${found ?? "no answer"}`);
  });
}

interface Row {
  readonly digest: string;
  readonly size: string;
  readonly location: string;
}

/** Every file is whole under its name, and the catalogue's rows have theirs. */
export async function judgeFolder(
  url: string,
  folder: string,
  { lost, damaged, leftover }: PayloadVerdict,
): Promise<void> {
  const files = new Set(filesOf(folder));
  const { rows, leftovers, broken } = await catalogueOf(url);
  for (const digest of broken) damaged.push(`in the database: ${digest}`);
  for (const { digest, size, location } of rows) {
    if (!files.has(location)) {
      lost.push(`payload ${digest}: no file ${location}`);
      continue;
    }
    const bytes = readFileSync(join(folder, location.slice(0, 2), location));
    const isRight = createHash("sha256").update(bytes).digest("hex") === digest;
    if (!isRight || bytes.length !== Number(size))
      damaged.push(`payload ${digest}: file ${location} with ${bytes.length} bytes`);
    files.delete(location);
  }
  for (const name of files) {
    if (!leftovers.has(name)) leftover.push(`file ${name} that nothing knows of`);
    if (!isWhole(readFileSync(join(folder, name.slice(0, 2), name))))
      damaged.push(`a part of an upload under the name of a whole: ${name}`);
  }
}

function filesOf(folder: string): readonly string[] {
  const folders = readdirSync(folder).filter((name) => /^[0-9a-f]{2}$/.test(name));
  return folders.flatMap((name) => readdirSync(join(folder, name)));
}

async function catalogueOf(url: string): Promise<{
  readonly rows: readonly Row[];
  readonly leftovers: ReadonlySet<string>;
  readonly broken: readonly string[];
}> {
  return await withClient(url, async (client) => {
    // In this order: what becomes a leftover meanwhile is seen as one.
    const rows = await client.query<Row>(
      "SELECT encode(digest, 'hex') AS digest, size, location FROM payloads WHERE store = 'directory'",
    );
    const broken = await client.query<{ readonly digest: string }>(
      `SELECT encode(digest, 'hex') AS digest FROM payloads
       WHERE body IS NOT NULL AND (sha256(body) <> digest OR octet_length(body) <> size)`,
    );
    const leftovers = await client.query<{ readonly location: string }>(
      "SELECT location FROM payload_leftovers WHERE store = 'directory'",
    );
    return {
      rows: rows.rows,
      leftovers: new Set(leftovers.rows.map(({ location }) => location)),
      broken: broken.rows.map(({ digest }) => digest),
    };
  });
}

/** Makes every note of what was left behind due, and waits until it is swept. What was half-done is swept by the next server. */
export async function judgeSweep(
  url: string,
  folder: string,
  earlier: ReadonlySet<string>,
  { leftover }: PayloadVerdict,
): Promise<void> {
  await withClient(url, (client) => client.query("UPDATE payload_leftovers SET due_at = 0"));
  const last = performance.now() + SWEEP_MS;
  for (;;) {
    const open = await remains(url, folder, earlier);
    if (open.length === 0) return;
    if (performance.now() > last) return void leftover.push(...open);
    await sleep(200);
  }
}

/** Makes what uploads left half-done days older than it is. @returns their names */
export function agePartial(folder: string): ReadonlySet<string> {
  const names = readdirSync(join(folder, PARTIAL));
  const past = new Date(Date.now() - 3 * 86_400_000);
  for (const name of names) utimesSync(join(folder, PARTIAL, name), past, past);
  return new Set(names);
}

async function remains(
  url: string,
  folder: string,
  earlier: ReadonlySet<string>,
): Promise<readonly string[]> {
  const { rows, leftovers } = await catalogueOf(url);
  const known = new Set(rows.map(({ location }) => location));
  const partial = readdirSync(join(folder, PARTIAL)).filter((name) => earlier.has(name));
  const files = filesOf(folder).filter((name) => !known.has(name));
  return [
    ...partial.map((name) => `partial file ${name}`),
    ...files.map((name) => `file ${name} was not swept`),
    ...[...leftovers].map((name) => `note of leftover ${name}`),
  ];
}

async function withClient<T>(url: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
