/** Where `millrace dev` keeps large payloads: in the data directory, with everything else. */
import { join } from "node:path";
import type { Config } from "@millrace/server";

/** Settings that say so, unless the operator said where payloads go. */
export function localPayloads(
  environment: Readonly<Record<string, string | undefined>>,
  dataDir: string,
): Partial<Config> {
  const payloadDirectory = environment["MILLRACE_PAYLOAD_DIRECTORY"] ?? join(dataDir, "payloads");
  if (environment["MILLRACE_PAYLOAD_STORES"] !== undefined) return { payloadDirectory };
  const payloadStores = [
    { store: "database", below: 1024 * 1024 },
    { store: "directory", below: Number.POSITIVE_INFINITY },
  ] as const;
  return { payloadDirectory, payloadStores };
}
