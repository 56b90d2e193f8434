import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Json } from "@millrace/language";
import fc from "fast-check";
import { ActivityFailure } from "../failure.ts";
import { expandTemplate, resolveUri } from "./uri.ts";

const failure = (kind: string) => (error: unknown) =>
  error instanceof ActivityFailure && error.kind === kind;

describe("URI templates", () => {
  // Examples of RFC 6570 §3.2.2, plus scalars of JSON.
  const data = {
    var: "value",
    hello: "Hello World!",
    half: "50%",
    empty: "",
    x: 1024,
    y: "768",
    flag: false,
    none: null,
    "pet.id": 7,
    odd: "a/b?c#d&e=f:@[]'()*+é",
  };
  for (const [template, expected] of [
    ["{var}", "value"],
    ["{hello}", "Hello%20World%21"],
    ["{half}", "50%25"],
    ["O{empty}X", "OX"],
    ["O{undef}X", "OX"],
    ["O{none}X", "OX"],
    ["{x,y}", "1024,768"],
    ["?{x,empty}", "?1024"],
    ["{flag}", "false"],
    ["{pet.id}", "7"],
    ["{odd}", "a%2Fb%3Fc%23d%26e%3Df%3A%40%5B%5D%27%28%29%2A%2B%C3%A9"],
    ["{__proto__}{constructor}", ""],
  ] as const) {
    test(template, () => assert.equal(expandTemplate(template, data, "endpoint"), expected));
  }

  test("a value that is no scalar is an expression error", () => {
    assert.throws(() => expandTemplate("{a}", { a: { b: 1 } }, "endpoint"), failure("expression"));
    assert.throws(() => expandTemplate("{a}", { a: [1] }, "endpoint"), failure("expression"));
  });

  test("other operators and stray braces are configuration errors", () => {
    for (const template of ["{+a}", "{#a}", "{?a}", "{a*}", "{a:3}", "{a", "a}"]) {
      const expand = () => expandTemplate(template, { a: "b" }, "endpoint");
      assert.throws(expand, failure("configuration"), template);
    }
  });

  test("no value leaves its place", () => {
    const resolve = (value: Json) =>
      resolveUri("https://h.example/a/{v}/b?q={v}", { v: value }, "endpoint");
    for (const value of [
      "..",
      ".",
      "%2e%2e/x",
      "x/../../y",
      "x?y#z",
      "\\..\\",
      "\r\nHost: evil",
      "\ud800",
    ]) {
      if (value === "." || value === "..") {
        assert.throws(() => resolve(value), failure("expression"));
        continue;
      }
      const url = resolve(value);
      assert.equal(url.host, "h.example");
      assert.match(url.pathname, /^\/a\/[^/]+\/b$/, value);
      assert.match(url.search, /^\?q=[^&=]+$/);
      assert.equal(url.hash, "");
    }
  });

  test("no value leaves its place, whatever it is", () => {
    const template = "https://h.example/a/{v}/b/x{v}?q={v}&r=1";
    const value = fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));
    fc.assert(
      fc.property(value, (v) => {
        fc.pre(v !== "." && v !== "..");
        const url = resolveUri(template, { v }, "endpoint");
        const [, a, first = "", b, second = "", ...rest] = url.pathname.split("/");
        assert.deepEqual([url.host, a, b, rest], ["h.example", "a", "b", []]);
        const expected = v.toWellFormed();
        assert.equal(decodeURIComponent(first), expected);
        assert.equal(decodeURIComponent(second), `x${expected}`);
        assert.deepEqual(
          [...url.searchParams],
          [
            ["q", expected],
            ["r", "1"],
          ],
        );
      }),
    );
  });

  test("a host from data stays a host", () => {
    for (const value of ["evil.example/x", "a@b", "a:80", "a#", "a?b"]) {
      const resolve = () => resolveUri("https://{v}.h.example/", { v: value }, "endpoint");
      assert.throws(resolve, failure("configuration"), value);
    }
  });
});
