import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "@millrace/language";
import { type ParameterStyle, pathText, plainPairs, queryPairs, type Styled } from "./styles.ts";

const LIST = ["blue", "black"];
const OBJECT = { R: 100, G: 200 };

function styled(style: ParameterStyle, explode: boolean, more: Partial<Styled> = {}): Styled {
  return { name: "color", style, explode, json: false, ...more };
}

test("paths: the table of OpenAPI 3.1, Style Examples", () => {
  const cases: readonly (readonly [ParameterStyle, boolean, Json, string])[] = [
    ["simple", false, "blue", "blue"],
    ["simple", false, LIST, "blue,black"],
    ["simple", true, LIST, "blue,black"],
    ["simple", false, OBJECT, "R,100,G,200"],
    ["simple", true, OBJECT, "R=100,G=200"],
    ["label", false, "blue", ".blue"],
    ["label", false, LIST, ".blue,black"],
    ["label", true, LIST, ".blue.black"],
    ["label", false, OBJECT, ".R,100,G,200"],
    ["label", true, OBJECT, ".R=100.G=200"],
    ["matrix", false, "", ";color"],
    ["matrix", false, "blue", ";color=blue"],
    ["matrix", false, LIST, ";color=blue,black"],
    ["matrix", true, LIST, ";color=blue;color=black"],
    ["matrix", false, OBJECT, ";color=R,100,G,200"],
    ["matrix", true, OBJECT, ";R=100;G=200"],
    ["simple", false, "a/b;c,d.e=f", "a%2Fb%3Bc%2Cd.e%3Df"],
  ];
  for (const [style, explode, value, expected] of cases)
    assert.equal(pathText(styled(style, explode), value), expected, `${style} ${explode}`);
});

test("queries: the same table", () => {
  const cases: readonly (readonly [ParameterStyle, boolean, Json, string])[] = [
    ["form", true, LIST, "color=blue&color=black"],
    ["form", false, LIST, "color=blue,black"],
    ["form", true, OBJECT, "R=100&G=200"],
    ["form", false, OBJECT, "color=R,100,G,200"],
    ["spaceDelimited", false, LIST, "color=blue%20black"],
    ["spaceDelimited", false, OBJECT, "color=R%20100%20G%20200"],
    ["pipeDelimited", false, LIST, "color=blue%7Cblack"],
    ["pipeDelimited", true, LIST, "color=blue&color=black"],
    ["tabDelimited", false, LIST, "color=blue%09black"],
    ["deepObject", true, OBJECT, "color%5BR%5D=100&color%5BG%5D=200"],
    ["deepObject", true, { a: { b: [1, 2] } }, "color%5Ba%5D%5Bb%5D=1&color%5Ba%5D%5Bb%5D=2"],
    ["form", true, [], ""],
    ["form", true, "a&b=c", "color=a%26b%3Dc"],
  ];
  for (const [style, explode, value, expected] of cases)
    assert.equal(queryPairs(styled(style, explode), value).join("&"), expected, style);
  const reserved = styled("form", true, { reserved: true });
  assert.deepEqual(queryPairs(reserved, "/a?b:c&d=e#f+g h"), ["color=/a?b:c%26d%3De%23f%2Bg%20h"]);
});

test("headers, cookies and form fields are not encoded", () => {
  assert.deepEqual(plainPairs(styled("simple", false), LIST), [["color", "blue,black"]]);
  assert.deepEqual(plainPairs(styled("simple", true), OBJECT), [["color", "R=100,G=200"]]);
  assert.deepEqual(plainPairs(styled("form", true), LIST), [
    ["color", "blue"],
    ["color", "black"],
  ]);
  assert.deepEqual(plainPairs(styled("pipeDelimited", false), LIST), [["color", "blue|black"]]);
});

test("what nests too deep for its style is refused", () => {
  assert.throws(() => queryPairs(styled("form", true), [[1]]), /parameters\.color: must not be/);
  let deep: Json = 1;
  for (let level = 0; level < 1_000; level += 1) deep = { a: deep };
  assert.throws(() => queryPairs(styled("deepObject", true), deep), /must not nest deeper than 8/);
});
