/**
 * The workflows that the simulator runs, as data. Together they wait in every way there is. Where the outcome does not
 * depend on time it is written down here, from the language's rules and not from a run of the engine.
 */
import type { Status } from "@millrace/engine";
import type { Json, JsonObject } from "@millrace/language";
import { LISTENING } from "./event-workflows.ts";
import type { Random } from "./random.ts";

export interface SimulatedWorkflow {
  readonly name: string;
  /** The definition without its document block. */
  readonly tasks: string;
  readonly input: (random: Random) => JsonObject;
  /** The statuses it may end in, where that is a matter of time; else exactly what it comes to. */
  readonly outcome: readonly Status[] | ((input: JsonObject) => Outcome);
}

/** What an instance comes to, whatever goes wrong on the way. */
export interface Outcome {
  /** Present when it completes. */
  readonly output?: Json;
  /** Present when it faults: the error's status. */
  readonly error?: number;
  /** Different idempotency keys that the world sees from it. */
  readonly effects: number;
  /** Different activities, those of every try included. */
  readonly activities: number;
  readonly children?: number;
  /** CloudEvents emitted. */
  readonly events?: number;
}

const call = (operation: string, body: string, more = ""): string =>
  `{ call: http, with: { method: post, endpoint: 'http://world/${operation}', body: ${body} }${more} }`;
const child = (name: string, input: string): string =>
  `{ run: { workflow: { namespace: sim, name: ${name}, version: '1.0.0', input: ${input} } } }`;
const COLLECT = "${ { all: (($context.all // []) + [.value]) } }";
const none = (): JsonObject => ({});
const numberOf = (input: JsonObject, key: string): number => Number(input[key]);
/** More branches than an instance's row has room for, and one too large for it. */
const BRANCHES = Array.from(
  { length: 18 },
  (_, n) => `          - b${n}: ${call("double", `{ value: '\${ .value + ${n} }' }`)}`,
).join("\n");

/** A large value that many instances have, again and again: nobody has it in between. */
const BALLAST = '${ "the same for all who carry it, " * 10 }';

const PLAIN: readonly SimulatedWorkflow[] = [
  {
    name: "line",
    input: (random) => ({ amount: random.integer(0, 20) }),
    outcome: (input) => {
      const value = 2 * numberOf(input, "amount");
      const size = value > 20 ? "big" : "small";
      return { output: { all: { value, size } }, effects: 2, activities: 2 };
    },
    tasks: `
do:
  - first: ${call("double", "{ value: '${ .amount }' }")}
  - choose: { switch: [ { big: { when: '\${ .value > 20 }', then: big } }, { small: { then: small } } ] }
  - big: { set: { value: '\${ .value }', size: big }, then: last }
  - small: { set: { value: '\${ .value }', size: small } }
  - last: ${call("echo", "{ all: '${ . }' }")}
`,
  },
  {
    name: "retry",
    input: (random) => ({ fails: random.integer(0, 4) }),
    outcome: (input) => {
      const fails = numberOf(input, "fails");
      const first = fails > 3 ? { gaveUp: true } : { tries: fails + 1 };
      const activities = Math.min(fails + 1, 4) + 2;
      return { output: { first, second: { tries: 2 } }, effects: 2, activities };
    },
    tasks: `
do:
  - attempt:
      try: [ { flaky: ${call("flaky", "{ fails: '${ .fails }' }")} } ]
      catch:
        retry: { delay: PT0.5S, backoff: { exponential: {} }, limit: { attempt: { count: 3 } } }
        do: [ { gaveUp: { set: { gaveUp: true } } } ]
      export: { as: '\${ . }' }
  - throwing:
      try: [ { throws: ${call("throws", "{}")} } ]
      catch: { retry: { delay: PT0.2S, limit: { attempt: { count: 2 } } } }
  - result: { set: { first: '\${ $context }', second: '\${ . }' } }
`,
  },
  {
    name: "exhausted",
    input: none,
    outcome: () => ({ error: 500, effects: 1, activities: 3 }),
    tasks: `
do:
  - attempt:
      try: [ { broken: ${call("broken", "{}")} } ]
      catch: { retry: { delay: PT1S, limit: { attempt: { count: 2 } } } }
`,
  },
  {
    name: "loop",
    input: (random) => ({ items: Array.from({ length: random.integer(1, 4) }, (_, n) => n + 1) }),
    outcome: (input) => {
      const items = input["items"] as readonly number[];
      const all = items.map((item) => 2 * item);
      return { output: { all: { all } }, effects: all.length, activities: all.length };
    },
    tasks: `
do:
  - each:
      for: { each: item, in: '\${ .items }', at: index }
      do:
        - twice: ${call("double", "{ value: '${ $item }', index: '${ $index }' }", `, export: { as: '${COLLECT}' }`)}
        - pause: { wait: PT0.3S }
  - result: { set: { all: '\${ $context }' } }
`,
  },
  {
    name: "fan",
    input: (random) => ({ value: random.integer(1, 9) }),
    outcome: (input) => {
      const value = numberOf(input, "value");
      const values = [{ value: 2 * value }, { value: 2 * value + 2 }, { value: 3 }, input];
      return { output: { values }, effects: 3, activities: 3 };
    },
    tasks: `
do:
  - out:
      fork:
        branches:
          - a: ${call("double", "{ value: '${ .value }', branch: a }")}
          - b:
              do:
                - w: { wait: PT2S }
                - c: ${call("double", "{ value: '${ .value + 1 }', branch: b }")}
          - c: { set: { value: 3 } }
          - d: { wait: PT1.5S }
  - sum: ${call("echo", "{ values: '${ . }' }")}
`,
  },
  {
    name: "wide",
    input: (random) => ({ value: random.integer(1, 9) }),
    outcome: (input) => {
      const value = numberOf(input, "value");
      const branches = Array.from({ length: 18 }, (_, n) => ({ value: 2 * (value + n) }));
      const values = [...branches, { value: 2 * value }];
      return { output: { values }, effects: 20, activities: 20 };
    },
    tasks: `
do:
  - out:
      fork:
        branches:
${BRANCHES}
          - large: ${call("double", "{ value: '${ .value }', ballast: '${ [range(500)] | tojson }' }")}
  - sum: ${call("echo", "{ values: '${ . }' }")}
`,
  },
  {
    name: "stream",
    input: none,
    // What was taken and not acknowledged comes once more; nothing is left out.
    outcome: () => ({ output: { all: [1, 2, 3, 4, 5] }, effects: 1, activities: 1 }),
    tasks: `
do:
  - messages:
      call: asyncapi
      with:
        document: { endpoint: 'http://world/stream' }
        channel: numbers
        subscription:
          filter: '\${ .n > 0 }'
          consume: { while: '\${ .n < 5 }' }
          foreach: { do: [ { pause: { wait: PT0.2S } }, { keep: { set: '\${ $item }' } } ], output: { as: .n } }
  - distinct: { set: { all: '\${ unique }' } }
`,
  },
  {
    name: "race",
    input: none,
    outcome: () => ({ output: { was: { won: true } }, effects: 1, activities: 1, children: 1 }),
    tasks: `
do:
  - first:
      fork:
        compete: true
        branches:
          - fast: { do: [ { w: { wait: PT3S } }, { won: { set: { won: true } } } ] }
          - forever: { wait: P30D }
          - child: ${child("forever", "{}")}
  - after: ${call("echo", "{ was: '${ . }' }")}
`,
  },
  {
    name: "carrier",
    input: none,
    outcome: () => ({ output: { carried: 4 }, effects: 4, activities: 4 }),
    tasks: `
do:
  - each:
      for: { each: item, in: '\${ [1, 2] }' }
      do:
        - first: ${call("double", `{ value: '\${ $item }', ballast: '${BALLAST}' }`)}
        - short: { wait: PT0.4S }
        - second: ${call("double", `{ value: '\${ $item }', ballast: '${BALLAST}', again: true }`)}
        - long: { wait: PT3S }
  - result: { set: { carried: 4 } }
`,
  },
  {
    name: "hands-over",
    input: none,
    outcome: () => ({ output: { carried: 4 }, effects: 0, activities: 0, children: 1 }),
    tasks: `
do:
  - shared: ${child("carrier", `{ ballast: '${BALLAST}' }`)}
`,
  },
  { name: "forever", input: none, outcome: ["cancelled"], tasks: "do: [ { w: { wait: P30D } } ]" },
  {
    name: "waits",
    input: none,
    outcome: () => ({ output: { ended: true }, effects: 1, activities: 1, events: 1 }),
    tasks: `
do:
  - short: { wait: PT0.7S }
  - long: { wait: PT65S }
  - note: { emit: { event: { with: { type: com.example.waited, source: 'http://sim' } } } }
  - end: ${call("echo", "{ waited: true }", ", output: { as: { ended: true } }")}
`,
  },
  {
    name: "deadline",
    input: none,
    outcome: ["completed"],
    tasks: `
do:
  - limited:
      try:
        - silent:
            call: http
            with: { method: post, endpoint: 'http://world/silent' }
            timeout: { after: PT4S }
      catch: { errors: { with: { status: 408 } }, do: [ { late: { set: { late: true } } } ] }
`,
  },
  {
    name: "attempts",
    input: none,
    outcome: ["completed", "faulted"],
    tasks: `
do:
  - limited:
      try: [ { silent: ${call("silent", "{}")} } ]
      catch:
        retry: { delay: PT1S, limit: { attempt: { count: 3, duration: PT3S } } }
`,
  },
  {
    name: "expires",
    input: none,
    outcome: () => ({ error: 408, effects: 0, activities: 0, children: 1 }),
    tasks: `
timeout: { after: PT20S }
do:
  - out:
      fork:
        branches:
          - a: { wait: PT40S }
          - b: ${child("forever", "{}")}
`,
  },
  {
    name: "parent",
    input: (random) => ({ amount: random.integer(0, 20) }),
    outcome: () => ({ output: { handled: true }, effects: 0, activities: 0, children: 4 }),
    tasks: `
do:
  - first: ${child("line", "{ amount: '${ .amount }' }")}
  - many:
      for: { each: n, in: '\${ [1, 2] }' }
      do:
        - one: ${child("fan", "{ value: '${ $n }' }")}
  - detached: { run: { workflow: { namespace: sim, name: waits, version: latest, input: {} }, await: false } }
  - caught:
      try: [ { bad: ${child("exhausted", "{}")} } ]
      catch: { do: [ { handled: { set: { handled: true } } } ] }
`,
  },
];

/** The whole definition. */
export function textOf({ name, tasks }: SimulatedWorkflow): string {
  return `document: { dsl: '1.0.3', namespace: sim, name: ${name}, version: '1.0.0' }\n${tasks}`;
}

export const WORKFLOWS: readonly SimulatedWorkflow[] = [...PLAIN, ...LISTENING];

/** What clients start by themselves: `forever` is ended by its parents alone. */
export const STARTED = PLAIN.filter(({ name }) => name !== "forever");
