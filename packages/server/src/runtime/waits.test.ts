/** What is said of an instance that waits, and of one that is faulted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Command, decide, type State } from "@millrace/engine";
import type { Json } from "@millrace/language";
import { program, START, workflow } from "@millrace/testkit";
import { targetOf } from "./targets.ts";
import { type Beside, faultOf, waitsOf } from "./waits.ts";

const NONE: Beside = { activities: new Map(), children: new Map() };
const call = (name: string): string =>
  `${name}: { call: http, with: { method: get, endpoint: http://shop/${name} } }`;

function after(yaml: string, ...commands: Command[]): State {
  const given = program(yaml);
  let state: State | undefined;
  for (const command of [
    { kind: "start", instanceId: "I", input: { n: 1 } } as const,
    ...commands,
  ]) {
    const environment = { now: START, random: () => 0, runtime: { name: "t", version: "0" } };
    ({ state } = decide(given, state, command, environment));
  }
  assert.ok(state);
  return state;
}

test("each kind of wait says what it waits for, with the nearest timeout", () => {
  const yaml = workflow(
    `- f:
    timeout: { after: PT1H }
    fork:
      branches:
        - ${call("a")}
        - w: { wait: PT5M, timeout: { after: PT10M } }
        - c: { run: { workflow: { namespace: x, name: y, version: '1.0.0' } } }
        - e: { listen: { to: { one: { with: { type: paid, source: http://bank/ }, correlate: { order: { from: .data.order, expect: '\${ .n }' } } } } } }`,
    "timeout: { after: PT2H }",
  );
  const state = after(yaml);
  const id = (kind: string) =>
    Object.values(state.frames).find((frame) => frame.kind === kind)?.id ?? "";
  const waits = waitsOf(state, {
    activities: new Map([[id("activity"), { attempt: 2, type: "call:http", target: "GET shop" }]]),
    children: new Map([[id("child"), "CHILD"]]),
    program: program(yaml),
  });
  const since = START;
  const minutes = (n: number) => START + n * 60_000;
  const giveUpAt = minutes(60);
  const at = (name: string, slot: number) => ({
    task: `/do/0/f/fork/branches/${slot}/${name}`,
    name,
    since,
  });
  assert.deepEqual(waits, [
    {
      kind: "activity",
      ...at("a", 0),
      giveUpAt,
      attempt: 2,
      type: "call:http",
      target: "GET shop",
    },
    { kind: "timer", ...at("w", 1), giveUpAt: minutes(10), until: minutes(5) },
    { kind: "child", ...at("c", 2), giveUpAt, instanceId: "CHILD" },
    {
      kind: "event",
      ...at("e", 3),
      giveUpAt,
      events: [{ type: "paid", source: "http://bank/", correlation: { order: 1 } }],
    },
  ]);
});

test("the pause before an attempt is a wait, and says which attempt comes", () => {
  const state = after(
    workflow(`- t: { try: [ { ${call("a")} } ], catch: { retry: { delay: PT3S } } }`),
    { kind: "activity.failed", activityId: "3", error: { type: "x", status: 500 } },
  );
  const waits = waitsOf(state, NONE);
  assert.deepEqual(
    waits.map(({ kind, name, until, attempt }) => [kind, name, until, attempt]),
    [["retry", "t", START + 3_000, 2]],
  );
});

test("a target never shows what may be confidential", () => {
  const shown = (type: string, input: Record<string, Json>) => targetOf(type, input).target;
  assert.equal(
    shown("call:http", { method: "post", endpoint: "https://u:p@api.test:8443/x?key=1" }),
    "POST api.test:8443",
  );
  assert.equal(
    shown("call:http", { method: "get", endpoint: { uri: "http://a.test/{id}" } }),
    "GET a.test",
  );
  assert.equal(shown("call:http", { method: "get", endpoint: "${ $secrets.url }" }), "GET");
  assert.equal(shown("call:http", { method: "get", endpoint: "not a uri" }), "GET");
  assert.equal(shown("run:shell", { command: "echo secret" }), undefined);
});

test("a faulted instance says what failed, with what, and the next thing to try", () => {
  const failing = (type: string, status: number) =>
    after(workflow(`- ${call("a")}`), {
      kind: "activity.failed",
      activityId: "2",
      error: { type: `https://serverlessworkflow.io/spec/1.0.0/errors/${type}`, status },
    });
  const fault = faultOf(failing("communication", 503));
  assert.deepEqual([fault?.task, fault?.name, fault?.input], ["/do/0/a", "a", { n: 1 }]);
  const hints: readonly [string, number, RegExp][] = [
    ["communication", 503, /could not be reached.*`millrace retry I`/],
    ["communication", 404, /refuses this very request.*`millrace retry I --input JSON`/],
    ["communication", 401, /refuses the credentials.*`millrace secret set NAME`/],
    ["communication", 429, /too many requests/],
    ["timeout", 408, /begins its timeouts anew/],
    ["authentication", 401, /does not know the credentials/],
    ["authorization", 403, /not allowed/],
    ["expression", 400, /--from TASK --input JSON.*higher version/],
    ["validation", 400, /do not match their schema/],
    ["configuration", 400, /Provide it, then `millrace retry I`/],
    ["runtime", 500, /a limit or a fault of the server/],
    ["own", 418, /The workflow raised it/],
  ];
  for (const [type, status, hint] of hints)
    assert.match(faultOf(failing(type, status))?.hint ?? "", hint, `${type} ${status}`);
});

test("a fault that no retry can follow says so, and one that needs --from does", () => {
  const input = after(workflow("- s: { set: { a: 1 } }", "input: { from: '${ error }' }"));
  assert.match(faultOf(input)?.hint ?? "", /Nothing was kept.*start a new instance/);
  const output = after(
    workflow("- s: { set: { a: 1 } }", "output: { schema: { document: { type: string } } }"),
  );
  assert.equal(faultOf(output)?.task, undefined);
  const timeout = after(workflow(`- ${call("a")}`, "output: { as: '${ error }' }"), {
    kind: "activity.completed",
    activityId: "2",
    output: 1,
  });
  assert.match(faultOf(timeout)?.hint ?? "", /--from TASK/);
  assert.equal(faultOf(after(workflow("- s: { set: { a: 1 } }"))), undefined);
});
