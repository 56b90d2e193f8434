/** The servers of a case: real HTTP on loopback, answering by a script. */
import { parseDuration } from "@millrace/language";
import { type Activities, createActivities } from "@millrace/server/activities";
import {
  type HttpFixture,
  type RecordedRequest,
  type Reply,
  startHttpFixture,
} from "../http/index.ts";
import type { Case, ScriptedReply } from "./case.ts";

/** Definitions reach the server called `shop` at `http://shop.test`. */
const NAMES = ["shop", "bank", "auth", "other"];

export interface ScriptedServers {
  readonly executor: Activities;
  /** Every request so far, each with the name of its server. */
  readonly requests: readonly (RecordedRequest & { readonly server: string })[];
  /** Simulated milliseconds that the answers since the last call take; `undefined` when one never comes. */
  takeDelay(): number | undefined;
  close(): Promise<void>;
}

/** Starts the servers that a case talks to. */
export async function startServers({
  servers,
  secrets,
}: Pick<Case, "servers" | "secrets">): Promise<ScriptedServers> {
  const requests: (RecordedRequest & { server: string })[] = [];
  const used = new Set<ScriptedReply>();
  let delay: number | undefined = 0;
  const fixture: HttpFixture = await startHttpFixture((request): Reply => {
    const server = /^(\w+)\.test/.exec(request.headers["host"] ?? "")?.[1] ?? "";
    requests.push({ ...request, server });
    const fitting = (servers[server] ?? []).filter((reply) => fits(reply, request));
    const reply = fitting.find((each) => !used.has(each)) ?? fitting.at(-1);
    if (reply === undefined) return { status: 404, body: "no reply is scripted" };
    used.add(reply);
    if (reply.after === "never") delay = undefined;
    else if (delay !== undefined) delay += parseDuration(reply.after ?? "PT0S");
    return answer(reply);
  });
  const executor = createActivities({
    egress: { allowLoopback: true },
    runs: { kinds: ["shell", "script"], isolation: "process" },
    secrets: { get: (_tenant, name) => Promise.resolve(secrets[name]) },
    origins: Object.fromEntries(NAMES.map((name) => [`http://${name}.test`, fixture.origin])),
  });
  return {
    executor,
    requests,
    takeDelay() {
      const taken = delay;
      delay = 0;
      return taken;
    },
    async close() {
      await executor.close();
      await fixture.close();
    },
  };
}

function fits({ on }: ScriptedReply, { method, target }: RecordedRequest): boolean {
  return on === undefined || on === `${method} ${target}`;
}

function answer({ status = 200, headers = {}, body, text }: ScriptedReply): Reply {
  if (body === undefined) return { status, headers, ...(text === undefined ? {} : { body: text }) };
  // Written here, because a text is JSON too.
  const type = { "content-type": "application/json" };
  return { status, headers: { ...type, ...headers }, body: JSON.stringify(body) };
}
