/** No key is special, nothing given is changed, and what is refused stays refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { check, compile, JqError } from "../src/index.ts";
import type { Json } from "../src/index.ts";
import { freeze } from "./cases.ts";

const PROTO = JSON.parse('{"__proto__":{"polluted":true},"constructor":1,"toString":2}') as Json;

/** Programs on PROTO, and their outputs as JSON text. */
const KEYS: readonly (readonly [string, string])[] = [
  [".", '{"__proto__":{"polluted":true},"constructor":1,"toString":2}'],
  [".__proto__", '{"polluted":true}'],
  [".constructor, .toString, .valueOf, .hasOwnProperty", "1,2,null,null"],
  ['has("__proto__"), has("valueOf")', "true,false"],
  ["keys", '["__proto__","constructor","toString"]'],
  ["to_entries | from_entries", '{"__proto__":{"polluted":true},"constructor":1,"toString":2}'],
  ["with_entries(.)", '{"__proto__":{"polluted":true},"constructor":1,"toString":2}'],
  [". + {a: 1} | del(.a)", '{"__proto__":{"polluted":true},"constructor":1,"toString":2}'],
  [". * {__proto__: {more: 1}} | .__proto__", '{"polluted":true,"more":1}'],
  ["map_values(1)", '{"__proto__":1,"constructor":1,"toString":1}'],
  ["walk(.)", '{"__proto__":{"polluted":true},"constructor":1,"toString":2}'],
  ["del(.__proto__)", '{"constructor":1,"toString":2}'],
  ["tojson | fromjson | .__proto__", '{"polluted":true}'],
  ['"{\\"__proto__\\":nan}" | fromjson', '{"__proto__":null}'],
  ["{__proto__: 1}", '{"__proto__":1}'],
  ["{__proto__, a: 1}", '{"__proto__":{"polluted":true},"a":1}'],
  ['{("__proto__"): (1, 2)}', '{"__proto__":1},{"__proto__":2}'],
  ['null | .["__proto__"].x = 1', '{"__proto__":{"x":1}}'],
  ["null | .__proto__.__proto__ |= 5", '{"__proto__":{"__proto__":5}}'],
  ['null | setpath(["__proto__","x"]; 1)', '{"__proto__":{"x":1}}'],
  ['reduce ("__proto__","a") as $k ({}; .[$k] += 1)', '{"__proto__":1,"a":1}'],
  ["reduce 1 as $x ({}; . + {__proto__: $x} | . + {__proto__: 2})", '{"__proto__":2}'],
  ['["__proto__"] | INDEX(.)', '{"__proto__":"__proto__"}'],
  ['"x" | capture("(?<__proto__>x)")', '{"__proto__":"x"}'],
  ['[{"__proto__":1},{"__proto__":2}] | add', '{"__proto__":2}'],
  ["[tostream] | fromstream(.[]) | keys", '["__proto__","constructor","toString"]'],
  ["pick(.__proto__)", '{"__proto__":{"polluted":true}}'],
  [". == {}, (. | tojson | fromjson) == .", "false,true"],
  ["[.] | group_by(.__proto__) | .[0][0].__proto__", '{"polluted":true}'],
];

for (const [program, expected] of KEYS) {
  test(`own keys only: ${program}`, () => {
    const outputs = compile(program).run(freeze(structuredClone(PROTO)));
    // structuredClone and JSON keep `__proto__` an own key; so must every output.
    assert.equal(outputs.map((output) => JSON.stringify(output)).join(","), expected);
    for (const output of outputs) {
      if (typeof output !== "object" || output === null || Array.isArray(output)) continue;
      assert.equal(Object.getPrototypeOf(output), Object.prototype);
    }
    assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  });
}

test("values of variables are looked up as own keys", () => {
  const program = compile("$toString", { variables: ["toString"] });
  assert.deepEqual(program.run(null, {}), [null]);
  assert.deepEqual(program.run(null, { toString: 3 }), [3]);
});

const REFUSED = [
  "input",
  "inputs",
  "input_line_number",
  "input_filename",
  "env",
  "env.HOME",
  "$ENV",
  "$ENV.PATH",
  "halt",
  "halt_error",
  "halt_error(1)",
  "get_search_list",
  "modulemeta",
  'import "a" as a; 1',
  'include "a"; 1',
  'module {"a": 1}; 1',
  "$__prog_args",
];

for (const source of REFUSED) {
  test(`refused when compiling: ${source}`, () => {
    assert.throws(
      () => compile(source),
      (error: unknown) =>
        error instanceof JqError && error.kind === "syntax" && error.position !== undefined,
    );
    assert.ok(check(source) instanceof JqError);
  });
}

/** Programs that change much of their input, run on frozen input. */
const CHANGES = [
  ".list |= map(. + 1)",
  ".list[0] = 9 | .list[5] = 1",
  "del(.list[0], .deep.a) | .deep.b.c = 1",
  ".. |= (numbers |= . + 1)",
  ".list |= (sort | reverse | unique)",
  ".list[1:] = [7, 7, 7]",
  "reduce range(5) as $i (.; .list += [$i] | .deep[$i | tostring] = $i)",
  "reduce .list[] as $x (.list; . + [$x])",
  "reduce .list[] as $x (.deep; . + {k: $x})",
  "[.list, .list] | add | . + [1]",
  ".deep * {a: {z: 1}} | .a.z += 1",
  "[limit(3; repeat(.list))] | add",
  "with_entries(.value |= [.])",
  'walk(if type == "array" then . + [0] else . end)',
  "$shared | .[0].x = 1 | . + [2]",
  "reduce range(3) as $i ($shared; .[0].x = $i)",
];

for (const program of CHANGES) {
  test(`leaves its input alone: ${program}`, () => {
    const input = freeze({ list: [3, 1, 2], deep: { a: { b: [1] } } }) as Json;
    const shared = freeze([{ x: 0 }]) as Json;
    const compiled = compile(program, { variables: ["shared"] });
    const first = compiled.run(input, { shared });
    assert.deepEqual(compiled.run(input, { shared }), first);
    assert.deepEqual(input, { list: [3, 1, 2], deep: { a: { b: [1] } } });
    assert.deepEqual(shared, [{ x: 0 }]);
  });
}

/** Reductions that grow in place must give what the same body gives when it cannot. */
const GROWTHS: readonly (readonly [string, string])[] = [
  ["[]", ". + [$x]"],
  ["null", ". + [$x] | . + [$x + 1]"],
  ["{}", ".[$x | tostring] = $x"],
  ["{}", ".a[$x | tostring] += 1 | .b = $x"],
  ["{}", ".n += $x | .all += [$x] | .last = {v: $x}"],
  ["{}", ".last = {v: [$x]} | .last.v += [$x] | .last.w = $x"],
  ["[]", ".[$x] |= [.]"],
  ["[[0],[0],[0]]", ".[$x] += [$x] | .[$x][0] = 5"],
  ["{}", ".a.b.c += [$x] | .a.b = {c: [$x]} | .a.b.c += [9]"],
  ["[1,2,3,4]", ".[-1] = $x"],
  ['{"k":[1,2]}', ".k |= empty | .k += [$x]"],
  ["5", ". + $x"],
  ['"s"', ". + ($x | tostring)"],
];

for (const [init, body] of GROWTHS) {
  test(`grows in place as if it were copied: ${init} ${body}`, () => {
    const fast = compile(`[reduce range(3) as $x (${init}; ${body}), .]`);
    // The binding keeps the body from being run in place, and every state is kept to be compared.
    const slow = compile(
      `. as $in | [([foreach range(3) as $x (${init}; . as $state | $state | ${body})] | last), $in]`,
    );
    assert.deepEqual(fast.run(7), slow.run(7));
  });
}
