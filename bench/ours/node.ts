/** A Millrace node as users get it, but for its activities: those are answered in this process. */
import {
  type Config,
  loadConfig,
  type OpenRuntime,
  type Server,
  silentLogger,
  startRuntime,
  startServer,
} from "@millrace/server";
import type { RuntimeHost } from "@millrace/server";
import { openPostgresRuntime } from "../../packages/server/src/runtime/open.ts";
import { definition, inProcess } from "./workflows.ts";

const answered: OpenRuntime = (parts) => openPostgresRuntime({ ...parts, executor: inProcess });
const options = { log: silentLogger, openRuntime: answered };

/** Default settings; `exclusive`, as in `millrace dev`, spares the wait for leases. */
function config(databaseUrl: string): Config {
  return loadConfig({}, { databaseUrl, port: 0, exclusive: true });
}

/** The runtime alone, with the workflow of so many steps applied. */
export async function openNode(databaseUrl: string, steps: number): Promise<RuntimeHost> {
  const host = await startRuntime(config(databaseUrl), options);
  await host.runtime.applyWorkflow({ text: definition(steps) });
  return host;
}

/** The same behind its HTTP API. */
export async function openServer(databaseUrl: string, steps: number): Promise<Server> {
  const server = await startServer(config(databaseUrl), options);
  await server.runtime.applyWorkflow({ text: definition(steps) });
  return server;
}
