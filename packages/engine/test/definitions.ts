/** Generates workflow definitions that are valid and that end whatever happens to them. */
import type { JsonObject } from "@millrace/language";
import fc from "fast-check";

type Tasks = readonly JsonObject[];

const seconds = fc.integer({ min: 0, max: 9 });
const duration = seconds.map((n) => `PT${n}S`);
const condition = fc.constantFrom("true", "false", ".n != null", "$context == null", "error");
/** Expressions on any data; the last ones fail on some. */
const shape = fc.constantFrom(
  ".",
  "{ n: 1 }",
  "$input",
  "[.]",
  "null",
  ".n",
  "$task.name",
  "error",
);

const error = fc.record({
  type: fc.constantFrom("https://example.test/a", "https://example.test/b"),
  status: fc.constantFrom(400, 503),
});

const retry = fc.record(
  {
    delay: duration,
    backoff: fc.constantFrom({ constant: {} }, { linear: {} }, { exponential: {} }),
    jitter: fc.constant({ from: "PT0S", to: "PT1S" }),
    when: condition,
  },
  { requiredKeys: [] },
);
const limit = fc.record({
  attempt: fc.record(
    { count: fc.integer({ min: 0, max: 2 }), duration },
    { requiredKeys: ["count"] },
  ),
});

/** What every task may have beside its own. */
const common = fc.record(
  {
    if: condition,
    timeout: fc.record({ after: duration }),
    input: fc.record({ from: shape }),
    output: fc.record({ as: shape }),
    export: fc.record({ as: shape }),
    flow: fc.nat(5),
  },
  { requiredKeys: [] },
);

const WIDE = Array.from({ length: 17 }, (_, index) => ({
  [`b${index}`]: index % 4 === 0 ? { wait: `PT${index}S` } : { set: { index } },
}));

const filter = fc.tuple(fc.constantFrom("a", "b"), fc.boolean()).map(([type, correlated]) => ({
  with: { type },
  ...(correlated && { correlate: { who: { from: ".subject" } } }),
}));
const filters = fc.array(filter, { maxLength: 3 });
const strategy: fc.Arbitrary<JsonObject> = fc.oneof(
  filter.map((one) => ({ one })),
  filters.map((all) => ({ all })),
  filters.map((any) => ({ any })),
  filters.map((any) => ({ any, until: "length > 1" })),
  fc.tuple(filters, filter).map(([any, one]) => ({ any, until: { one } })),
  fc.tuple(filters, filters).map(([any, all]) => ({ any, until: { all } })),
);

const leaf: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.constant({ set: { n: "${ .n }" } }),
  { arbitrary: duration.map((wait) => ({ wait })), weight: 3 },
  {
    arbitrary: fc.constant({ call: "http", with: { method: "post", endpoint: "http://a.test/" } }),
    weight: 3,
  },
  error.map((each) => ({ raise: { error: each } })),
  fc.constant({ emit: { event: { with: { type: "t" } } } }),
  fc.boolean().map((wait) => ({
    run: { workflow: { namespace: "n", name: "c", version: "1.0.0" }, await: wait },
  })),
  { arbitrary: strategy.map((to) => ({ listen: { to } })), weight: 2 },
  fc.constant({ call: "nap", with: {} }),
  // Long and wide enough that parts of them stand in the state's `values`.
  fc.constant({
    for: { in: "[range(101)]" },
    do: [{ s: { if: "$index == 50", wait: "PT1S" } }],
  }),
  fc.boolean().map((compete) => ({ fork: { compete, branches: WIDE } })),
  fc.constantFrom("continue", "exit", "end").map((then) => ({
    // biome-ignore lint/suspicious/noThenProperty: the language's own name
    switch: [{ yes: { when: ".n == 1", then } }, { otherwise: { then: "continue" } }],
  })),
);

const { list } = fc.letrec<{ list: Tasks; task: JsonObject }>((tie) => ({
  list: fc
    .array(fc.tuple(tie("task"), common), { minLength: 1, maxLength: 3 })
    .map((tasks) => named(tasks)),
  task: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    leaf,
    tie("list").map((tasks) => ({ do: tasks })),
    fc
      .tuple(tie("list"), fc.constantFrom("[]", "[1, 2]", "[1, 2, 3]", ".n"))
      .map(([tasks, items]) => ({ for: { in: items }, do: tasks })),
    fc.tuple(strategy, tie("list"), fc.option(shape)).map(([to, tasks, as]) => ({
      listen: { to },
      foreach: { do: tasks, ...(as && { output: { as } }) },
    })),
    fc
      .tuple(tie("list"), fc.boolean())
      .map(([branches, compete]) => ({ fork: { branches: branches.map(withoutThen), compete } })),
    fc
      .tuple(tie("list"), fc.option(tie("list")), fc.option(fc.tuple(retry, limit)), condition)
      .map(([tasks, handler, policy, when]) => ({
        try: tasks,
        catch: {
          when,
          ...(handler && { do: handler }),
          ...(policy && { retry: { ...policy[0], limit: policy[1] } }),
        },
      })),
  ),
}));

/** Gives the tasks names, and each a flow forward: a jump back could go round for ever. */
function named(tasks: readonly (readonly [JsonObject, JsonObject])[]): Tasks {
  return tasks.map(([task, { flow, ...rest }], index) => {
    const targets = [
      "continue",
      "exit",
      "end",
      ...tasks.slice(index + 1).map((_, i) => `t${index + 1 + i}`),
    ];
    const then =
      flow === undefined ? {} : { then: targets[Number(flow) % targets.length] ?? "end" };
    return { [`t${index}`]: { ...task, ...rest, ...then } };
  });
}

/** A branch cannot name another. */
function withoutThen(item: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(item).map(([name, task]) => {
      const { then: _, ...rest } = task as JsonObject;
      return [name, rest];
    }),
  );
}

const extensions = fc.constantFrom(
  [],
  [{ x: { extend: "set", before: [{ b: { wait: "PT1S" } }] } }],
  [{ x: { extend: "wait", after: [{ a: { emit: { event: { with: { type: "after" } } } } }] } }],
  [
    { x: { extend: "call", before: [{ b: { wait: "PT1S", if: ".n == 1", then: "exit" } }] } },
    { y: { extend: "all", after: [{ a: { set: { n: 1 } } }] } },
  ],
);

export const definitions: fc.Arbitrary<JsonObject> = fc
  .tuple(list, fc.option(duration), extensions)
  .map(([tasks, timeout, around]) => ({
    document: { dsl: "1.0.3", namespace: "n", name: "generated", version: "1.0.0" },
    use: { functions: { nap: { wait: "PT2S" } }, extensions: around },
    ...(timeout === null ? {} : { timeout: { after: timeout } }),
    do: tasks,
  }));
