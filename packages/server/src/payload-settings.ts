/** The settings of messages and payloads: part of the table in config.ts. */
import { STORE_NAMES, MAX_ROW, type StoreName, type Tier } from "./payloads/tiers.ts";
import { anyText, byteSize, ConfigError, list, milliseconds, setting } from "./settings.ts";

/** `database<1MiB,s3<100MiB,directory`. */
function tiers(text: string): readonly Tier[] {
  const items = list(text);
  if (items.length === 0) throw new ConfigError(EXPECTED);
  const all = items.map((item, at) => {
    const [name, limit, ...rest] = item.split("<").map((part) => part.trim());
    const store = STORE_NAMES.find((known) => known === name);
    if (store === undefined || rest.length > 0) throw new ConfigError(EXPECTED);
    if (limit === undefined && at < items.length - 1)
      throw new ConfigError(`${store} takes everything, so nothing can come after it`);
    return { store, below: limit === undefined ? Number.POSITIVE_INFINITY : byteSize(limit) };
  });
  if (all.some(({ store }, at) => all.findIndex((other) => other.store === store) !== at))
    throw new ConfigError("a store is named twice");
  if (all.some(({ below }, at) => at > 0 && below <= (all[at - 1]?.below ?? 0)))
    throw new ConfigError("each limit must be larger than the one before");
  const database = all.find(({ store }) => store === "database");
  if (database !== undefined && database.below > MAX_ROW)
    throw new ConfigError("expected database<16MiB or less: larger payloads need another store");
  return all;
}
const EXPECTED = `expected stores (${STORE_NAMES.join(", ")}), each with what is smaller than that goes there, such as database<1MiB,directory`;

function mirror(text: string): Exclude<StoreName, "database"> | undefined {
  if (text === "") return undefined;
  const found = STORE_NAMES.find((name) => name === text);
  if (found !== undefined && found !== "database") return found;
  throw new ConfigError("expected one of directory, s3, cassandra");
}

export const PAYLOAD_SETTINGS = {
  payloadStores: setting(
    "MILLRACE_PAYLOAD_STORES",
    "database<1MiB",
    "Where messages and payloads are stored, by size: stores (`database`, `directory`, `s3`, `cassandra`), each with the size below which it is used, such as `database<1MiB,s3<100MiB,directory`. What is too large for the last is refused. `database<1MiB,directory` in `millrace dev`.",
    tiers,
  ),
  payloadDirectory: setting(
    "MILLRACE_PAYLOAD_DIRECTORY",
    undefined,
    "Folder of the store `directory`: one that every server of the database sees.",
    anyText,
  ),
  payloadS3: setting(
    "MILLRACE_PAYLOAD_S3",
    undefined,
    "Bucket of the store `s3`: `s3://bucket/prefix?endpoint=https://host:9000&region=eu-west-1&pathStyle=true`, all but the bucket optional. The credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or wherever else AWS's own tools look.",
    anyText,
  ),
  payloadCassandra: setting(
    "MILLRACE_PAYLOAD_CASSANDRA",
    undefined,
    "Keyspace of the store `cassandra`: `cassandra://user:password@host:9042,host:9042/keyspace?dc=datacenter1`.",
    anyText,
  ),
  payloadMirror: setting(
    "MILLRACE_PAYLOAD_MIRROR",
    "",
    "Store (`directory`, `s3` or `cassandra`) that holds a second copy of every payload put from now on: what is damaged or missing in the first is read there, and written anew.",
    mirror,
  ),
  payloadMaxBytes: setting(
    "MILLRACE_PAYLOAD_MAX_BYTES",
    "5GiB",
    "Largest body of `PUT /v1/payloads`.",
    byteSize,
  ),
  payloadCache: setting(
    "MILLRACE_PAYLOAD_CACHE",
    "64MiB",
    "Memory for payloads that were read or written lately; 0 for none.",
    byteSize,
  ),
  payloadGrace: setting(
    "MILLRACE_PAYLOAD_GRACE",
    "PT1H",
    "How long a payload that nobody keeps is stored though nothing refers to it yet or any more.",
    milliseconds,
  ),
  checkpointRetention: setting(
    "MILLRACE_CHECKPOINT_RETENTION",
    "P30D",
    "How long the checkpoints of a faulted instance are stored, for a retry to go on from. Those of one that ended otherwise go with its end.",
    milliseconds,
  ),
} as const;

export type OptionalPayloadSetting = "payloadDirectory" | "payloadS3" | "payloadCassandra";
