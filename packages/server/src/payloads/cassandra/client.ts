/** The driver's client, with an end that leaves nothing open: its own forgets some timers and connections. */
import cassandra from "cassandra-driver";

/** The parts of the driver that are not its public face. */
interface Internals {
  readonly controlConnection: {
    readonly hosts: Hosts;
    readonly connection: { close(): void } | null;
    shutdown(): void;
  };
}
interface Host {
  /** @param waits for what is under way in its connections, in the background; else they are closed at once */
  shutdown(waits: boolean): Promise<void>;
}
interface Hosts {
  values(): readonly Host[];
  on(event: "add" | "remove", listener: (host: Host) => void): void;
}

/** `connect` and `execute` throw what the driver throws. */
export interface ClosingClient {
  connect(): Promise<void>;
  execute(
    cql: string,
    values?: readonly unknown[],
    options?: cassandra.QueryOptions,
  ): Promise<cassandra.types.ResultSet>;
  /** The data centre of each node that is known. */
  dataCenters(): readonly string[];
  /** Closes every connection and ends every timer, whether it ever connected or not. */
  shutDown(): Promise<void>;
}

export function newClient(options: cassandra.ClientOptions): ClosingClient {
  const client = new cassandra.Client(options);
  const { controlConnection } = client as unknown as Internals;
  const { hosts } = controlConnection;
  let isOver = false;
  // When every node was away, the driver makes new hosts of them. The old ones would go on connecting, and nothing would end
  // them; but one of them may have come back, and be answering.
  hosts.on("remove", (host) => void host.shutdown(!isOver));
  // It may have been about to make one at the end.
  hosts.on("add", (host) => {
    if (!isOver) return;
    void host.shutdown(false);
    controlConnection.connection?.close();
  });
  const shutDown = async (): Promise<void> => {
    isOver = true;
    await client.shutdown();
    controlConnection.shutdown();
    controlConnection.connection?.close();
    await Promise.all(hosts.values().map((host) => host.shutdown(false)));
  };
  const use = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isOver) throw new Error("the store is closed");
    try {
      return await work();
    } finally {
      // Who was connecting meanwhile is connected now.
      if (isOver) await shutDown();
    }
  };
  return {
    connect: () => use(() => client.connect()),
    execute: (cql, values = [], how = {}) => use(() => client.execute(cql, [...values], how)),
    dataCenters: () => client.hosts.values().map(({ datacenter }) => datacenter),
    shutDown,
  };
}
