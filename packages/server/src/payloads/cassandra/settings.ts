/** `MILLRACE_PAYLOAD_CASSANDRA`, taken apart. Loads nothing of the driver. */
import { readFileSync } from "node:fs";
import { ConfigError } from "../../settings.ts";

/** Of writes and reads. None below a quorum: one replica alone could show what another has not, or lose what was acknowledged. */
export const CONSISTENCIES = ["local_quorum", "quorum", "each_quorum"] as const;

export interface CassandraSettings {
  /** `host:port` of the nodes that are asked first; the others are learned from them. */
  readonly hosts: readonly string[];
  /** The data centre whose nodes are asked, and whose quorum counts. */
  readonly dataCenter: string;
  readonly keyspace: string;
  readonly user?: string;
  readonly password?: string;
  /** Copies of each row in the data centre when the keyspace is made; else three, or as many as there are nodes. */
  readonly replication?: number;
  readonly consistency: (typeof CONSISTENCIES)[number];
  /** Present for TLS; `ca`: PEM of who signed the nodes' certificates, unless the system knows them. */
  readonly tls?: { readonly ca?: string };
}

const FORM = "cassandra://user:password@host:9042/keyspace?dc=datacenter1";
const URL_FORM =
  /^cassandra:\/\/(?:(?<user>[^:@/?#]*)(?::(?<password>[^@/?#]*))?@)?(?<hosts>[^@/?#]+)\/(?<keyspace>[^/?#]*)(?:\?(?<query>[^#]*))?$/;
const OPTIONS = ["dc", "replication", "consistency", "tls", "ca"];

/**
 * Several hosts are separated by commas. User and password are percent-decoded. What is wrong is told without the password.
 * @throws {ConfigError}
 */
export function cassandraSettings(text: string): CassandraSettings {
  const parts = URL_FORM.exec(text)?.groups;
  if (parts === undefined) throw new ConfigError(`expected ${FORM}`);
  const options = new URLSearchParams(parts["query"] ?? "");
  const unknown = [...options.keys()].find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(`unknown option ${unknown}; there are ${OPTIONS.join(", ")}`);
  const dataCenter = options.get("dc") ?? "";
  if (dataCenter === "")
    throw new ConfigError(
      `?dc= is missing: the data centre whose nodes are asked (\`nodetool status\` names it), as in ${FORM}`,
    );
  const [user, password] = [decoded(parts["user"]), decoded(parts["password"])];
  const tls = tlsOf(options);
  return {
    hosts: hostsOf(parts["hosts"] ?? ""),
    dataCenter,
    keyspace: keyspaceOf(parts["keyspace"] ?? ""),
    consistency: consistencyOf(options.get("consistency") ?? CONSISTENCIES[0]),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(options.has("replication")
      ? { replication: copies(options.get("replication") ?? "") }
      : {}),
    ...(tls === undefined ? {} : { tls }),
  };
}

function decoded(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new ConfigError(
      "user and password: expected % only before two hexadecimal digits (a % itself is %25)",
    );
  }
}

function hostsOf(text: string): readonly string[] {
  return text.split(",").map((item) => {
    const { host, port } =
      /^(?<host>[\w.-]+|\[[\da-fA-F:]+\])(?::(?<port>\d{1,5}))?$/.exec(item)?.groups ?? {};
    if (host === undefined || Number(port ?? 0) > 65_535)
      throw new ConfigError(
        `expected host or host:port of each node, separated by commas, not ${item}`,
      );
    return `${host}:${port ?? "9042"}`;
  });
}

/** Names of other characters would have to be quoted wherever operators write them. */
function keyspaceOf(text: string): string {
  if (/^[a-z]\w{0,47}$/.test(text) && text === text.toLowerCase()) return text;
  throw new ConfigError(
    "expected a keyspace of lower-case letters, digits and _ (at most 48), as in /millrace",
  );
}

function copies(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new ConfigError("replication: expected a whole number from 1 to 99");
}

function consistencyOf(text: string): CassandraSettings["consistency"] {
  const found = CONSISTENCIES.find((name) => name === text.toLowerCase());
  if (found !== undefined) return found;
  throw new ConfigError(`consistency: expected one of ${CONSISTENCIES.join(", ")}`);
}

function tlsOf(options: URLSearchParams): CassandraSettings["tls"] {
  const tls = options.get("tls") ?? "false";
  if (tls !== "true" && tls !== "false") throw new ConfigError("tls: expected true or false");
  const file = options.get("ca");
  if (file === null) return tls === "true" ? {} : undefined;
  if (tls === "false") throw new ConfigError("ca is only for tls=true");
  try {
    return { ca: readFileSync(file, "utf8") };
  } catch (error) {
    throw new ConfigError(`ca: cannot read ${file}: ${(error as Error).message}`);
  }
}
