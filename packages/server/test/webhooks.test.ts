import assert from "node:assert/strict";
import { test } from "node:test";
import { document, HELLO } from "./harness.ts";
import { eventOf, Receiver, startApi, verified } from "./webhook-stand.ts";

const EMITTER = `${document("emitter")}
do:
  - say:
      emit: { event: { with: { type: com.shop.placed, subject: 'Zoë "1%"', data: { n: '\${ .n }' } } } }`;
const ENDS = "io.serverlessworkflow.workflow.completed.v1";
interface Shown {
  readonly name: string;
  readonly secret?: string;
  readonly disabled?: string;
  readonly paused: boolean;
  readonly headers: readonly string[];
  readonly failing?: { readonly failures: number; readonly lastError: string };
  readonly retry: Record<string, string>;
}
interface Deliveries {
  readonly items: readonly {
    readonly id: string;
    readonly attempts: number;
    readonly error: string;
  }[];
}

test("a webhook gets its events signed, with its header fields, and the secret is shown once", async (t) => {
  const { call, run } = await startApi(t, [HELLO]);
  const receiver = await Receiver.start(t);
  const created = await call<Shown>("POST", "/v1/webhooks", {
    name: "ends",
    url: receiver.url,
    filter: { types: [ENDS], workflows: ["test/*"] },
    headers: { authorization: "Bearer 1234" },
  });
  const { secret = "" } = created;
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/);
  assert.deepEqual(created.headers, ["authorization"]);
  const id = await run("hello", { name: "Ada" });
  const [one] = await receiver.until(1);
  assert.ok(one !== undefined);
  const { headers } = one;
  assert.equal(headers["content-type"], "application/cloudevents+json; charset=utf-8");
  assert.equal(headers.authorization, "Bearer 1234");
  assert.ok(await verified(one, secret));
  assert.ok(!(await verified(one, `whsec_${Buffer.alloc(32, 1).toString("base64")}`)));
  assert.ok(!(await verified({ ...one, body: Buffer.from("{}") }, secret)));
  const event = eventOf(one);
  assert.equal(event.subject, id);
  assert.deepEqual(event.data?.["output"], { message: "Hello Ada" });
  const shown = await call<Shown>("GET", "/v1/webhooks/ends");
  assert.equal(shown.secret, undefined);
  const listed = await call<{ items: Shown[] }>("GET", "/v1/webhooks");
  assert.deepEqual(listed.items, [shown]);
  assert.ok(!JSON.stringify(await call("GET", "/v1/secrets")).includes("whsec"));
});

test("while a secret is being replaced, each receiver finds a signature of its own", async (t) => {
  const { call, run } = await startApi(t, [HELLO]);
  const receiver = await Receiver.start(t);
  const given = { name: "ends", url: receiver.url, filter: { types: [ENDS] } };
  const { secret: first = "" } = await call<Shown>("POST", "/v1/webhooks", given);
  const changed = await call<Shown>("PATCH", "/v1/webhooks/ends", { rotateSecret: true });
  const { secret: second = "" } = changed;
  assert.notEqual(first, second);
  await run("hello", { name: "Ada" });
  const [one] = await receiver.until(1);
  assert.ok(one !== undefined);
  assert.ok(await verified(one, first));
  assert.ok(await verified(one, second));
  assert.equal(String(one.headers["webhook-signature"]).split(" ").length, 2);
});

test("binary mode: the data is the body, the attributes are ce- header fields", async (t) => {
  const { call, run } = await startApi(t, [EMITTER]);
  const receiver = await Receiver.start(t);
  const { secret = "" } = await call<Shown>("POST", "/v1/webhooks", {
    name: "shop",
    url: receiver.url,
    filter: { types: ["com.shop.*"], sources: ["/test/emitter/*"] },
    mode: "binary",
  });
  await run("emitter", { n: 3 });
  const [one] = await receiver.until(1);
  assert.ok(one !== undefined);
  assert.deepEqual(JSON.parse(one.body.toString()), { n: 3 });
  const { headers } = one;
  assert.equal(headers["content-type"], "application/json");
  assert.equal(headers["ce-type"], "com.shop.placed");
  assert.equal(headers["ce-specversion"], "1.0");
  assert.equal(headers["ce-subject"], "Zo%C3%AB%20%221%25%22");
  assert.ok(await verified(one, secret));
});

test("a receiver that does not answer holds up no other, and its events are listed until then", async (t) => {
  const { call, run } = await startApi(t, [HELLO]);
  const [slow, fast] = [await Receiver.start(t), await Receiver.start(t)];
  const held = Promise.withResolvers<number>();
  slow.answer = () => held.promise;
  for (const [name, { url }] of [
    ["slow", slow],
    ["fast", fast],
  ] as const)
    await call("POST", "/v1/webhooks", { name, url, filter: { types: [ENDS] } });
  for (let n = 0; n < 100; n++) await run("hello", { name: "Ada" });
  await fast.until(100);
  const waiting = await call<Deliveries>(
    "GET",
    "/v1/webhooks/slow/deliveries?state=waiting&limit=500",
  );
  assert.equal(waiting.items.length, 100);
  held.resolve(204);
  await slow.until(100);
});

test("what was given up is listed and replayed, one or all", async (t) => {
  const { call, run } = await startApi(t, [HELLO]);
  const receiver = await Receiver.start(t);
  receiver.answer = () => 500;
  await call("POST", "/v1/webhooks", {
    name: "ends",
    url: receiver.url,
    filter: { types: [ENDS] },
    retry: { minDelay: "100ms", maxDelay: "100ms", giveUpAfter: "100ms" },
  });
  const ids: string[] = [];
  for (let n = 0; n < 3; n++) ids.push(await run("hello", { name: "Ada" }));
  let dead: Deliveries;
  do dead = await call<Deliveries>("GET", "/v1/webhooks/ends/deliveries");
  while (dead.items.length < 3);
  assert.match(dead.items[0]?.error ?? "", /answered 500/);
  const page = await call<Deliveries & { nextCursor: string }>(
    "GET",
    "/v1/webhooks/ends/deliveries?limit=2",
  );
  const rest = await call<Deliveries>(
    "GET",
    `/v1/webhooks/ends/deliveries?limit=2&cursor=${page.nextCursor}`,
  );
  assert.deepEqual([...page.items, ...rest.items], dead.items);
  receiver.answer = () => 200;
  const before = receiver.received.length;
  const first = dead.items[0]?.id;
  assert.deepEqual(await call("POST", "/v1/webhooks/ends/replay", { ids: [first, "7x"] }), {
    replayed: 1,
  });
  await receiver.until(before + 1);
  assert.deepEqual(await call("POST", "/v1/webhooks/ends/replay"), { replayed: 2 });
  const all = await receiver.until(before + 3);
  const again = all.slice(before).map((one) => eventOf(one).subject);
  assert.deepEqual(new Set(again), new Set(ids));
  assert.equal(again.length, ids.length);
  // A replay is the same message to whoever has seen it before.
  const [early] = all;
  const same = all
    .slice(before)
    .find((one) => one.headers["webhook-id"] === early?.headers["webhook-id"]);
  assert.deepEqual(same?.body, early?.body);
});

test("410 turns a webhook off, and a change turns it on again", async (t) => {
  const { call, run } = await startApi(t, [HELLO]);
  const receiver = await Receiver.start(t);
  receiver.answer = () => 410;
  await call("POST", "/v1/webhooks", {
    name: "ends",
    url: receiver.url,
    filter: { types: [ENDS] },
  });
  const first = await run("hello", { name: "Ada" });
  await receiver.until(1);
  let shown: Shown;
  do shown = await call<Shown>("GET", "/v1/webhooks/ends");
  while (shown.disabled === undefined);
  assert.match(shown.disabled, /410/);
  receiver.answer = () => 200;
  shown = await call<Shown>("PATCH", "/v1/webhooks/ends", { paused: false });
  assert.equal(shown.disabled, undefined);
  const [, again] = await receiver.until(2);
  assert.ok(again !== undefined);
  assert.equal(eventOf(again).subject, first);
});

test("a test event says at once what the receiver answers, or what is in the way", async (t) => {
  const { call } = await startApi(t, []);
  const receiver = await Receiver.start(t);
  const given = { name: "audit", url: receiver.url, filter: { types: ["*"] } };
  await call("POST", "/v1/webhooks", given);
  const good = await call("POST", "/v1/webhooks/audit/test");
  assert.deepEqual([good["delivered"], good["status"]], [true, 200]);
  assert.equal(eventOf(receiver.received[0] ?? assert.fail()).type, "io.millrace.webhook.test.v1");
  receiver.answer = () => [302, { location: "http://127.0.0.1:9/" }];
  const moved = await call("POST", "/v1/webhooks/audit/test");
  assert.deepEqual([moved["delivered"], moved["status"]], [false, 302]);
  assert.match(String(moved["error"]), /redirects are not followed/);
  assert.equal(receiver.received.length, 2);
  await call("PATCH", "/v1/webhooks/audit", { url: "http://169.254.169.254/latest" });
  const denied = await call("POST", "/v1/webhooks/audit/test");
  assert.equal(denied["delivered"], false);
  assert.match(String(denied["error"]), /egress policy/);
});

test("what a webhook cannot be is said with its place", async (t) => {
  const { call } = await startApi(t, []);
  const given = { name: "w", url: "http://127.0.0.1:9/", filter: { types: ["*"] } };
  interface Problem {
    readonly code: string;
    readonly issues: readonly { readonly path: string }[];
  }
  const refused = async (change: object, status: number, ...paths: string[]): Promise<void> => {
    const body = { ...given, ...change };
    const problem = await call<Problem>("POST", "/v1/webhooks", body, status);
    assert.deepEqual(
      problem.issues.map(({ path }) => path),
      paths,
    );
  };
  await refused({ url: "http://user@127.0.0.1:9/" }, 422, "url");
  await refused(
    { headers: { "Content-Type": "a", "webhook-id": "b" } },
    422,
    "headers.Content-Type",
    "headers.webhook-id",
  );
  await refused({ retry: { minDelay: "2h", maxDelay: "1h" } }, 422, "retry.minDelay");
  await refused({ retry: { giveUpAfter: "400d" } }, 422, "retry.giveUpAfter");
  await refused({ filter: { types: [] } }, 400, "body.filter.types");
  await refused({ sekret: 1 }, 400, "body");
  await refused({ secret: "whsec_short" }, 400, "body.secret");
  await call("POST", "/v1/webhooks", given);
  assert.equal((await call<Problem>("POST", "/v1/webhooks", given, 409)).code, "webhook-conflict");
  for (const [method, path] of [
    ["GET", ""],
    ["DELETE", ""],
    ["POST", "/test"],
    ["POST", "/replay"],
    ["GET", "/deliveries"],
  ] as const)
    await call(method, `/v1/webhooks/none${path}`, undefined, 404);
  await call(
    "PATCH",
    "/v1/webhooks/w",
    { rotateSecret: true, secret: `whsec_${"A".repeat(40)}` },
    422,
  );
  await call("GET", "/v1/webhooks?cursor=x", undefined, 400);
  await call("DELETE", "/v1/webhooks/w", undefined, 204);
});

test("a webhook needs a master key", async (t) => {
  const { call } = await startApi(t, [], {});
  const given = { name: "w", url: "http://127.0.0.1:9/", filter: { types: ["*"] } };
  const problem = await call<{ code: string }>("POST", "/v1/webhooks", given, 409);
  assert.equal(problem.code, "no-master-key");
  assert.deepEqual(await call("GET", "/v1/webhooks"), { items: [] });
});
