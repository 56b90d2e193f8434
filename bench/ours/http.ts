/** The process that measures ours from outside: it is the client, over HTTP with the SDK; the server is another process. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { MillraceClient } from "@millrace/sdk";
import { type Contender, type Job, runJob } from "../job.ts";
import { expectEnd } from "./contender.ts";
import { NAMESPACE, nameOf } from "./workflows.ts";

async function overHttp({ databaseUrl, steps }: Job): Promise<Contender> {
  const server = fork(join(import.meta.dirname, "http-server.ts"), [databaseUrl, String(steps)]);
  process.once("exit", () => server.kill("SIGKILL"));
  const answer = await Promise.race([
    once(server, "message"),
    once(server, "exit").then(([code]) => {
      throw new Error(`the server ended with ${code}`);
    }),
  ]);
  const client = new MillraceClient({ url: answer[0] as string });
  const start = { namespace: NAMESPACE, name: nameOf(steps), wait: "60s" };
  return {
    async work(n) {
      expectEnd(await client.instances.startAndWait({ ...start, input: { n } }), n + steps);
    },
    async close() {
      const exited = once(server, "exit");
      server.disconnect();
      await exited;
    },
  };
}

await runJob(overHttp);
