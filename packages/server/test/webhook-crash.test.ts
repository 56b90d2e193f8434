import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { createDatabase } from "@millrace/testkit";
import { loadConfig, type Server, silentLogger, startServer } from "@millrace/server";
import { HELLO } from "./harness.ts";
import { eventOf, Receiver, SETTINGS } from "./webhook-stand.ts";

/** The ids acknowledged by a server that was killed after `count` of them. */
async function killAfter(count: number, url: string): Promise<readonly string[]> {
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, "webhook-crash-child.ts"), url],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const ids: string[] = [];
  for await (const id of createInterface({ input: child.stdout })) {
    ids.push(id);
    if (ids.length === count) child.kill("SIGKILL");
  }
  await exited;
  assert.equal(child.signalCode, "SIGKILL");
  return ids;
}

test("a server killed between commit and delivery delivers after its restart, with the same ids, in order", async (t) => {
  const database = await createDatabase();
  const receiver = await Receiver.start(t);
  const open = (): Promise<Server> => {
    const config = loadConfig(
      { ...SETTINGS, MILLRACE_PORT: "0" },
      { databaseUrl: database.url, exclusive: true },
    );
    return startServer(config, { log: silentLogger });
  };
  const first = await open();
  await first.runtime.applyWorkflow({ text: HELLO });
  const created = await fetch(`${first.url}/v1/webhooks`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      name: "all",
      url: receiver.url,
      filter: { types: ["io.serverlessworkflow.workflow.*"] },
    }),
  });
  assert.equal(created.status, 201);
  await first.stop();
  // The receiver keeps the first requests until the server is dead: committed, sent, and not answered.
  const dead = Promise.withResolvers<number>();
  receiver.answer = () => dead.promise;
  const ids = await killAfter(200, database.url);
  const before = receiver.received.length;
  dead.resolve(200);
  receiver.answer = () => 200;

  const last = await open();
  t.after(async () => {
    await last.stop();
    await database.drop();
  });
  const missing = new Set(ids);
  for (let seen = 0; missing.size > 0; ) {
    const all = await receiver.until(seen + 1);
    for (const one of all.slice(seen)) {
      const { data, subject = "" } = eventOf(one);
      // The last that an instance says.
      if (data?.["status"] === "completed") missing.delete(subject);
    }
    seen = all.length;
  }
  // At least once: what comes twice is the same, and the first coming of each is in the order of its instance.
  const bodies = new Map<string, string>();
  const order = new Map<string, number[]>();
  for (const one of receiver.received) {
    const id = String(one.headers["webhook-id"]);
    const body = one.body.toString();
    assert.equal(bodies.get(id) ?? body, body);
    if (bodies.has(id)) continue;
    bodies.set(id, body);
    const event = eventOf(one);
    const [, seq = "", said = "0"] = event.id.split("-");
    const mine = order.get(event.subject ?? "") ?? [];
    order.set(event.subject ?? "", [...mine, Number(seq) * 1_000 + Number(said)]);
  }
  for (const id of ids) {
    const mine = order.get(id) ?? [];
    assert.deepEqual(
      mine,
      mine.toSorted((a, b) => a - b),
    );
    // started, running, completed, status completed
    assert.equal(mine.length, 4);
  }
  assert.ok(before > 0 && receiver.received.length > before);
});
