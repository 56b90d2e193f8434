/** The receiver believes what is signed, and nothing else. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { openReceiver, verify } from "./receiver.ts";

const KEY = Buffer.alloc(32, 7);
const SECRET = `whsec_${KEY.toString("base64")}`;
const BODY = JSON.stringify({ id: "1", type: "com.example.shop.closed" });
const NOW = 1_800_000_000_000;

/** As the specification says it: `v1,` and Base64 of HMAC-SHA256 over `id.timestamp.body`. */
function signed(id: string, seconds: number, body = BODY, key = KEY) {
  const hmac = createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64");
  return {
    "webhook-id": id,
    "webhook-timestamp": String(seconds),
    "webhook-signature": `v1,AAAA v1,${hmac}`,
  };
}

test("a signature counts for its id, its time, its body and its secret", () => {
  const holds = (headers: Record<string, string>, body = BODY): boolean =>
    verify(headers, Buffer.from(body), SECRET, NOW);
  const right = signed("a", NOW / 1_000);
  assert.ok(holds(right));
  assert.ok(!holds(right, `${BODY} `));
  assert.ok(!holds({ ...right, "webhook-id": "b" }));
  assert.ok(!holds({ ...right, "webhook-timestamp": String(NOW / 1_000 + 1) }));
  assert.ok(!holds(signed("a", NOW / 1_000, BODY, Buffer.alloc(32, 8))));
  assert.ok(!holds({}));
});

test("an old request is refused, however well it is signed", () => {
  const seconds = NOW / 1_000 - 301;
  assert.ok(!verify(signed("a", seconds), Buffer.from(BODY), SECRET, NOW));
  assert.ok(verify(signed("a", seconds + 2), Buffer.from(BODY), SECRET, NOW));
});

test("an event that comes again is known by its webhook-id", async (t) => {
  const told: string[] = [];
  const receiver = await openReceiver(0, ({ type }) => told.push(type));
  t.after(() => receiver.close());
  receiver.secret = SECRET;
  const send = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(receiver.url, { method: "POST", headers, body: BODY })).status;
  const now = Math.floor(Date.now() / 1_000);
  assert.equal(await send(signed("a", now)), 204);
  assert.equal(await send(signed("a", now)), 204);
  assert.equal(await send({ ...signed("a", now), "webhook-id": "b" }), 401);
  receiver.down = true;
  assert.equal(await send(signed("c", now)), 503);
  assert.deepEqual(told, ["com.example.shop.closed"]);
  assert.deepEqual(receiver.counts, { repeated: 1, turnedAway: 1, forged: 1 });
});
