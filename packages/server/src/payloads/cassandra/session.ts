/** The driver, told what this store wants of it: time-outs, quorums, prepared statements, and errors in the words of the port. */
import cassandra from "cassandra-driver";
import { BlobError } from "../blob-store.ts";
import { newClient } from "./client.ts";
import { blobError } from "./errors.ts";
import type { CassandraSettings } from "./settings.ts";

const { policies, types } = cassandra;

export type Row = cassandra.types.Row;
type Value = string | number | bigint | Buffer;

/** Milliseconds. */
export interface Timeouts {
  /** To open a connection. */
  readonly connect: number;
  /** From a request to its answer, at each node that is asked. */
  readonly answer: number;
}

const TIMEOUTS: Timeouts = { connect: 5_000, answer: 10_000 };
/** Milliseconds between attempts to reach a node that is away. */
const RECONNECT = { first: 500, longest: 5_000 };
/** Milliseconds after which a silent connection is asked for a sign of life, by TCP. */
const PULSE = 30_000;
/** Rows of a page. */
const PAGE = 1_000;

const LEVELS = {
  local_quorum: {
    write: types.consistencies.localQuorum,
    read: types.consistencies.localQuorum,
    serial: types.consistencies.localSerial,
  },
  quorum: {
    write: types.consistencies.quorum,
    read: types.consistencies.quorum,
    serial: types.consistencies.serial,
  },
  each_quorum: {
    write: types.consistencies.eachQuorum,
    read: types.consistencies.localQuorum,
    serial: types.consistencies.serial,
  },
} as const satisfies Record<CassandraSettings["consistency"], unknown>;

/** Every method that takes `what` (words for the message) throws {@link BlobError}s. */
export interface Session {
  readonly settings: CassandraSettings;
  /** Nodes of the data centre that are known. */
  nodes(): number;
  connect(): Promise<void>;
  all(what: string, cql: string, values?: readonly Value[]): Promise<readonly Row[]>;
  /** As {@link all}, a page at a time. */
  paged(what: string, cql: string): AsyncGenerator<Row, void, undefined>;
  /** `timestamp`: microseconds since 1970; now unless given. */
  write(what: string, cql: string, values: readonly Value[], timestamp?: number): Promise<void>;
  /** A conditional write (Paxos). @returns the row that was in the way, undefined when there was none */
  claim(what: string, cql: string, values: readonly Value[]): Promise<Row | undefined>;
  /** Changes the schema. @throws what the driver throws */
  change(cql: string): Promise<void>;
  close(): Promise<void>;
}

/** Connects with the first use, and again after a failure. */
export function openSession(settings: CassandraSettings, timeouts = TIMEOUTS): Session {
  const client = newClient(clientOptions(settings, timeouts));
  let fault: BlobError | undefined;
  const { reading, writing } = optionsOf(settings);
  const ask = async (
    what: string,
    cql: string,
    values: readonly Value[],
    options: cassandra.QueryOptions,
  ): Promise<cassandra.types.ResultSet> => {
    // Of a data centre that is not there the driver would leave a connection open with every attempt.
    if (fault?.kind === "refused") throw fault;
    try {
      return await client.execute(cql, values, options);
    } catch (error) {
      throw blobError(what, error);
    }
  };
  return {
    settings,
    nodes: () => client.dataCenters().filter((name) => name === settings.dataCenter).length,
    async connect() {
      try {
        await expectDataCenter(settings, timeouts);
        await client.connect();
      } catch (error) {
        fault = blobError("connecting", error);
        throw fault;
      }
      fault = undefined;
    },
    all: async (what, cql, values = []) => (await ask(what, cql, values, reading)).rows,
    async *paged(what, cql) {
      let pageState: string | undefined;
      do {
        const options = {
          ...reading,
          fetchSize: PAGE,
          ...(pageState === undefined ? {} : { pageState }),
        };
        const page = await ask(what, cql, [], options);
        yield* page.rows;
        pageState = page.pageState as string | undefined;
      } while (pageState !== undefined && pageState !== null);
    },
    write: async (what, cql, values, timestamp) =>
      void (await ask(
        what,
        cql,
        values,
        timestamp === undefined ? writing : { ...writing, timestamp },
      )),
    claim: async (what, cql, values) => {
      const answer = await ask(what, cql, values, writing);
      return answer.wasApplied() ? undefined : answer.first();
    },
    change: async (cql) => void (await client.execute(cql)),
    close: () => client.shutDown(),
  };
}

function optionsOf({ consistency }: CassandraSettings) {
  const { read, write, serial } = LEVELS[consistency];
  // Every statement of this store may be sent twice.
  const common = { prepare: true, isIdempotent: true, serialConsistency: serial };
  return { reading: { ...common, consistency: read }, writing: { ...common, consistency: write } };
}

/** @throws what the driver throws, and a {@link BlobError} when there is no such data centre */
async function expectDataCenter(settings: CassandraSettings, timeouts: Timeouts): Promise<void> {
  const { localDataCenter: _, ...options } = clientOptions(settings, timeouts);
  // A policy that takes every node as it comes.
  const loadBalancing = new policies.loadBalancing.RoundRobinPolicy();
  const client = newClient({ ...options, policies: { ...options.policies, loadBalancing } });
  try {
    await client.connect();
    const known = new Set(client.dataCenters());
    if (known.has(settings.dataCenter)) return;
    throw new BlobError(
      "refused",
      `Cassandra has no data centre ${settings.dataCenter}; there is ${[...known].join(", ")}`,
    );
  } finally {
    await client.shutDown();
  }
}

function clientOptions(settings: CassandraSettings, timeouts: Timeouts): cassandra.ClientOptions {
  const { hosts, dataCenter, user, password, tls } = settings;
  return {
    contactPoints: [...hosts],
    localDataCenter: dataCenter,
    ...(user === undefined ? {} : { credentials: { username: user, password: password ?? "" } }),
    ...(tls === undefined ? {} : { sslOptions: { rejectUnauthorized: true, ...tls } }),
    // Of the other nodes the driver learns the address, and takes this to be their port.
    protocolOptions: { port: portOf(hosts) },
    socketOptions: {
      connectTimeout: timeouts.connect,
      readTimeout: timeouts.answer,
      keepAlive: true,
      keepAliveDelay: PULSE,
    },
    // The driver's own pulse goes on for a while in connections that are closed, and for ever in one that is never answered.
    pooling: { heartBeatInterval: 0 },
    encoding: { useBigIntAsLong: true },
    policies: {
      reconnection: new policies.reconnection.ExponentialReconnectionPolicy(
        RECONNECT.first,
        RECONNECT.longest,
      ),
    },
  };
}

function portOf([first = ""]: readonly string[]): number {
  return Number(first.slice(first.lastIndexOf(":") + 1));
}
