import assert from "node:assert/strict";
import { test } from "node:test";
import { LogRedaction, Redactor } from "./redact.ts";

function redactor(...values: readonly (string | number | object)[]): Redactor {
  const made = new Redactor();
  for (const value of values) made.add(value as never);
  return made;
}

test("a value is found plain and encoded, alone and inside something longer", () => {
  const value = `p&ss/wörd+"'<?\\`;
  const known = redactor(value);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const forms = [
    value,
    encodeURIComponent(value),
    encodeURIComponent(encodeURIComponent(value)),
    new URLSearchParams({ v: value }).toString().slice(2),
    encodeURIComponent(value).replaceAll(/%../g, (escape) => escape.toLowerCase()),
    JSON.stringify(value).slice(1, -1),
    JSON.stringify(value).slice(1, -1).replaceAll("/", "\\/"),
    JSON.stringify(value).slice(1, -1).replace("ö", "\\u00f6"),
    value.replaceAll("&", "&amp;").replaceAll("<", "&lt;"),
    value
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll('"', "&quot;")
      .replaceAll("'", "&#39;"),
    Buffer.from(value).toString("hex"),
    Buffer.from(value).toString("hex").toUpperCase(),
  ];
  for (const form of forms) assert.equal(known.text(`a ${form} b`), "a *** b", form);
  // Some bits of the characters at the ends belong to the neighbours: they may stay, three characters at most.
  for (const text of [value, `u:${value}`, `us:${value}`, `${value}:x`, encodeURIComponent(value)])
    for (const code of ["base64", "base64url"] as const) {
      const left = known.text(Buffer.from(text).toString(code));
      assert.match(left, /^[\w+/=-]{0,6}\*\*\*[\w+/=-]{0,6}$/, `${text} in ${code}: ${left}`);
    }
  assert.match(known.text(base64(base64(value))), /^\*\*\*[\w+/=]{0,6}$/);
});

test("every text and number inside a value is looked for, in texts, keys and numbers", () => {
  const known = redactor({
    user: "ada-lovelace",
    pin: 123456,
    deep: [{ key: "k-1234" }, true, null],
  });
  assert.deepEqual(
    known.redact({
      a: ["by ada-lovelace", 123456, 12345],
      "k-1234": { b: "pin 123456", c: true, d: null },
    }),
    { a: ["by ***", "***", 12345], "***": { b: "pin ***", c: true, d: null } },
  );
});

test("the longer of two values is replaced first", () => {
  const known = redactor("pass", "passphrase");
  assert.equal(known.text("passphrase, pass"), "***, ***");
});

test("values of less than four characters are not looked for", () => {
  const known = redactor("abc", 12, "", { a: "x" });
  assert.deepEqual(known.redact({ abc: "abc 12 x" }), { abc: "abc 12 x" });
});

test("each long line of a value is looked for by itself", () => {
  const known = redactor("-----BEGIN KEY-----\nMIIBVgIBADANBgkqhki\nshort\n-----END KEY-----\n");
  assert.equal(known.text("> MIIBVgIBADANBgkqhki\n> short"), "> ***\n> short");
});

test("the log forgets the oldest values, not those in use", () => {
  const log = new LogRedaction();
  log.remember("the first");
  for (let at = 0; at < 99; at += 1) log.remember(`value number ${at}`);
  log.remember("the first");
  log.remember("one more");
  assert.equal(
    log.line('{"msg":"the first, one more, value number 50"}'),
    '{"msg":"***, ***, ***"}',
  );
  assert.equal(log.line("value number 0"), "value number 0");
});
