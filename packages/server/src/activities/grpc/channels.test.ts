import assert from "node:assert/strict";
import { test } from "node:test";
import { egressDoor } from "../egress/door.ts";
import { parseOrigins } from "../egress/origins.ts";
import { egressPolicy } from "../egress/policy.ts";
import type { Resolve } from "../egress/resolve.ts";
import { Channels } from "./channels.ts";

const never = new AbortController().signal;
const target = { host: "greet.example", port: 50_051, tls: false };

function channelsOf(resolve: Resolve) {
  const timers = new Set<() => void>();
  const after = (_: number, run: () => void) => {
    timers.add(run);
    return () => timers.delete(run);
  };
  const policy = egressPolicy({ allowLoopback: true });
  const door = egressDoor({ policy, origins: parseOrigins({}), resolve });
  return { channels: new Channels({ door, clock: { after }, maxMessageBytes: 1000 }), timers };
}

test("a target has one channel, whose addresses are asked for once; idle, it is closed", async () => {
  let asked = 0;
  const { channels, timers } = channelsOf(async () => {
    asked += 1;
    return [
      { address: "::1", family: 6 },
      { address: "127.0.0.1", family: 4 },
    ];
  });
  const leases = await Promise.all([channels.lease(target, never), channels.lease(target, never)]);
  assert.equal(leases[0].client, leases[1].client);
  assert.equal(
    leases[0].client.getChannel().getTarget(),
    "ipv6:[::1]:50051,[::ffff:127.0.0.1]:50051",
  );
  leases[0].release(false);
  assert.equal(timers.size, 0);
  leases[1].release(false);
  assert.equal(timers.size, 1);
  const again = await channels.lease(target, never);
  assert.equal(again.client, leases[0].client);
  assert.equal(timers.size, 0);
  again.release(false);
  for (const run of timers) run();
  assert.equal(channels.size, 0);
  (await channels.lease(target, never)).release(false);
  assert.equal(asked, 3, "two at the same time, and one after the close");
  channels.close();
  assert.deepEqual([channels.size, timers.size], [0, 0]);
  await assert.rejects(channels.lease(target, never), /the connection was closed/);
});

test("a channel that could not connect is forgotten, so that the name is resolved anew", async () => {
  const addresses = ["127.0.0.1", "127.0.0.2", "169.254.169.254"];
  const { channels } = channelsOf(async () => [{ address: addresses.shift() ?? "", family: 4 }]);
  const first = await channels.lease(target, never);
  const second = await channels.lease(target, never);
  first.release(true);
  const third = await channels.lease(target, never);
  assert.equal(third.client.getChannel().getTarget(), "ipv4:127.0.0.2:50051");
  second.release(false);
  third.release(true);
  await assert.rejects(channels.lease(target, never), /169\.254\.169\.254/);
  assert.equal(channels.size, 0);
  channels.close();
});
