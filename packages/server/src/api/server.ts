/** The API as a background service: listens, and stops without cutting off what it is answering. */
import type { AddressInfo } from "node:net";
import type { Config } from "../config.ts";
import { checkExposure } from "../config.ts";
import { createApp } from "./app.ts";
import type { ApiContext } from "./context.ts";

export interface ApiServer {
  /** `http://127.0.0.1:7070`. */
  readonly url: string;
  /**
   * Takes no new connection, lets go of streams and waiting starts, and resolves when every answer is out.
   * @param signal when it aborts, what is still open is cut
   */
  stop(signal?: AbortSignal): Promise<void>;
}

export type ApiOptions = Omit<ApiContext, "config" | "stopping"> & {
  readonly config: ApiContext["config"] & Pick<Config, "port">;
};

/** @throws {ConfigError} when the address is reachable from outside and there is no key; the system's error when taken */
export async function startApi(options: ApiOptions): Promise<ApiServer> {
  const { host, port, apiKeys } = options.config;
  checkExposure({ host, apiKeys });
  const stopping = new AbortController();
  const app = await createApp({ ...options, stopping: stopping.signal });
  await app.listen({ host: host === "[::1]" ? "::1" : host, port });
  return {
    url: urlOf(app.server.address() as AddressInfo),
    async stop(signal) {
      stopping.abort();
      const cut = () => app.server.closeAllConnections();
      signal?.addEventListener("abort", cut, { once: true });
      if (signal?.aborted === true) cut();
      await app.close();
      signal?.removeEventListener("abort", cut);
    },
  };
}

/** An address that means "every interface" is of no use to a caller on this machine; loopback reaches it. */
function urlOf({ address, family, port }: AddressInfo): string {
  const reachable = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
  return `http://${family === "IPv6" ? `[${reachable}]` : reachable}:${port}`;
}
