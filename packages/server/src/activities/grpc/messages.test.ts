/** The mapping between JSON and messages: what arguments are refused, and what a message comes back as. */
import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import type { Json, JsonObject } from "@millrace/language";
import protobuf from "protobufjs";
import { systemClock } from "../../clock.ts";
import { ActivityFailure } from "../failure.ts";
import { Decoder } from "./decode.ts";
import { Encoder } from "./encode.ts";
import { ProtoParser } from "./parse.ts";
import type { Schema } from "./schema.ts";

const WELL_KNOWN = [
  "any",
  "duration",
  "empty",
  "field_mask",
  "struct",
  "timestamp",
  "wrappers",
].map((name) => `google/protobuf/${name}.proto`);
const TEXT = `
syntax = "proto3";
package test;
enum Colour { UNKNOWN = 0; RED = 1; GREEN = 2; }
message All {
  optional int32 maybe_zero = 1;
  repeated sint32 packed = 2;
  repeated string texts = 3;
  map<string, All> children = 4;
  map<bool, uint64> flags = 5;
  oneof choice { string text = 6; bytes raw = 7 [json_name = "RAW"]; }
  Colour colour = 8;
  fixed64 big = 9;
  float small = 10;
  double wide = 11;
  google.protobuf.Timestamp at = 12;
  google.protobuf.Duration lasting = 13;
  google.protobuf.Any any = 14;
  google.protobuf.Struct free = 15;
  google.protobuf.Int64Value wrapped = 16;
  google.protobuf.FieldMask mask = 17;
  google.protobuf.Value value = 18;
  google.protobuf.Empty nothing = 19;
  bool yes = 20;
}`;
const OLD = `
syntax = "proto2";
message Old {
  required string name = 1;
  optional group Inner = 2 { optional int32 a = 1; }
  repeated int32 loose = 3;
}`;

let schema: Schema;
before(async () => {
  const parser = new ProtoParser({ clock: systemClock() });
  const files = [
    { name: "all.proto", text: TEXT },
    { name: "old.proto", text: OLD },
  ];
  schema = await parser.parse(files, WELL_KNOWN);
});

function encode(value: Json, name = "test.All"): Uint8Array {
  return new Encoder(schema).encode(name, value, "arguments");
}

function decode(bytes: Uint8Array, name = "test.All", limit = 1_000_000): Json {
  return new Decoder(schema, limit).decode(name, bytes);
}

const ZEROS: JsonObject = {
  packed: [],
  texts: [],
  children: {},
  flags: {},
  colour: "UNKNOWN",
  big: 0,
  small: 0,
  wide: 0,
  yes: false,
};

describe("messages", () => {
  test("come back as they went, with the zeros of what was not given", () => {
    const given = {
      maybeZero: 0,
      packed: [1, -2, 2_147_483_647],
      texts: ["é", ""],
      children: { a: { ...ZEROS, RAW: "aGk=" }, constructor: ZEROS },
      flags: { true: 5, false: "18446744073709551615" },
      text: "x",
      colour: "GREEN",
      big: "9007199254740993",
      small: 0.1,
      wide: "-Infinity",
      at: "2026-11-21T14:03:07.250Z",
      lasting: "-1.500s",
      any: { "@type": "type.googleapis.com/test.All", ...ZEROS, yes: true },
      free: { a: [1, null, { b: true }], c: "d" },
      wrapped: -7,
      mask: "fooBar,b.c",
      value: [null, "x"],
      nothing: {},
      yes: true,
    };
    assert.deepEqual(decode(encode(given)), given);
    assert.deepEqual(decode(encode({})), ZEROS);
    const nullValue = decode(encode({ value: null, at: null, texts: null }));
    assert.deepEqual(nullValue, { ...ZEROS, value: null });
  });

  test("are given in other spellings, too", () => {
    const other = decode(
      encode({
        maybe_zero: "12",
        RAW: "-_8",
        colour: 1,
        big: 42,
        at: "2026-11-21T16:03:07.123456789+02:00",
        lasting: "90s",
        any: { "@type": "x/google.protobuf.Duration", value: "1s" },
      }),
    );
    assert.deepEqual(other, {
      ...ZEROS,
      maybeZero: 12,
      RAW: "+/8=",
      colour: "RED",
      big: 42,
      at: "2026-11-21T14:03:07.123456789Z",
      lasting: "90s",
      any: { "@type": "x/google.protobuf.Duration", value: "1s" },
    });
  });

  test("are what protobufjs reads and writes", () => {
    const root = new protobuf.Root();
    for (const name of WELL_KNOWN) root.addJSON(protobuf.common.get(name)?.nested ?? {});
    protobuf.parse(TEXT, root);
    protobuf.parse(OLD, root);
    root.resolveAll();
    const all = root.lookupType("test.All");
    const message = { maybeZero: 3, packed: [1, -1], colour: 2, children: { k: { yes: true } } };
    assert.deepEqual(decode(all.encode(all.fromObject(message)).finish()), {
      ...ZEROS,
      ...message,
      colour: "GREEN",
      children: { k: { ...ZEROS, yes: true } },
    });
    const read = all.toObject(all.decode(encode({ flags: { true: 7 }, wide: 1.5, text: "t" })), {
      longs: Number,
    });
    assert.deepEqual(read, { flags: { true: 7 }, wide: 1.5, text: "t" });
    const old = root.lookupType("Old");
    const given = { name: "n", inner: { a: 4 }, loose: [5, 6] };
    assert.deepEqual(old.toObject(old.decode(encode(given, "Old"))), given);
    assert.deepEqual(decode(old.encode(old.fromObject(given)).finish(), "Old"), given);
  });

  test("arguments that do not fit are refused by name", () => {
    const refused: readonly (readonly [Json, RegExp])[] = [
      [{ nme: 1 }, /arguments\.nme: test\.All has no such field; it has maybeZero, packed, /],
      [[], /arguments: must be an object \(test\.All\)/],
      [{ yes: "true" }, /arguments\.yes: must be true or false/],
      [{ text: 1 }, /arguments\.text: must be a string/],
      [{ texts: "a" }, /arguments\.texts: must be a list/],
      [{ packed: [1, 1.5] }, /arguments\.packed\[1\]: must be a whole number .*\(sint32\)/],
      [{ packed: [2_147_483_648] }, /must be a whole number from -2147483648 to 2147483647/],
      [{ big: -1 }, /arguments\.big: must be a whole number from 0/],
      [{ big: 2 ** 60 }, /write so large a number as text/],
      [{ small: 1e300 }, /arguments\.small: is too large for a float/],
      [{ colour: "BLUE" }, /arguments\.colour: must be one of UNKNOWN, RED, GREEN/],
      [{ RAW: "not base64!" }, /arguments\.RAW: must be bytes in base64/],
      [{ text: "a", RAW: "aGk=" }, /arguments\.RAW: choice can hold this or text, not both/],
      [{ maybe_zero: 1, maybeZero: 2 }, /arguments\.maybeZero: is given as maybe_zero as well/],
      [{ children: [] }, /arguments\.children: must be an object/],
      [{ children: { a: { at: 1 } } }, /arguments\.children\.a\.at: must be a time/],
      [{ at: "2026-02-30T00:00:00Z" }, /arguments\.at: must be a time/],
      [{ lasting: "PT1S" }, /arguments\.lasting: must be a duration in seconds/],
      [{ any: {} }, /arguments\.any\.@type: required/],
      [{ any: { "@type": "a/b.C" } }, /names a type that the proto document does not declare/],
      [{ flags: { maybe: 1 } }, /has a key that is neither true nor false/],
      [{ mask: "a_b" }, /must be names of fields in lowerCamelCase/],
      [JSON.parse('{"__proto__": 1}') as Json, /arguments\.__proto__: test\.All has no such field/],
    ];
    for (const [value, message] of refused) {
      assert.throws(
        () => encode(value),
        (error: unknown) => {
          assert.ok(error instanceof ActivityFailure);
          assert.equal(error.kind, "configuration");
          assert.match(error.message, message);
          return true;
        },
      );
    }
    assert.throws(() => encode({}, "Old"), /arguments\.name: required/);
    let deep: Json = {};
    for (let depth = 0; depth < 200; depth += 1) deep = { children: { a: deep } };
    assert.throws(() => encode(deep), /is nested more than 100 deep/);
  });

  test("answers that are malformed, nested without end, or small and yet huge", () => {
    const writer = () => protobuf.Writer.create();
    const nested = (depth: number): Uint8Array => {
      let bytes: Uint8Array = new Uint8Array();
      for (let index = 0; index < depth; index += 1) {
        const entry = writer()
          .uint32((2 << 3) | 2)
          .bytes(bytes)
          .finish();
        bytes = writer()
          .uint32((4 << 3) | 2)
          .bytes(entry)
          .finish();
      }
      return bytes;
    };
    assert.ok(decode(nested(50)));
    const malformed: readonly Uint8Array[] = [
      nested(5_000),
      Uint8Array.of(0x32, 0xff),
      Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0x0f),
      Uint8Array.of(0xff, 0xff, 0xff),
      // A timestamp in the year 292277026596.
      Uint8Array.of(0x62, 0x0a, 0x08, ...Array.from({ length: 8 }, () => 0xff), 0x7f),
      // Groups of an unknown field, opened and never closed.
      Uint8Array.from({ length: 100_000 }, (_, index) => (index % 2 === 0 ? 0xab : 0x01)),
    ];
    for (const bytes of malformed) {
      assert.throws(() => decode(bytes), /the answer is not a valid test\.All/);
    }
    // 20 kB, each few bytes of which become an object of nine zeros.
    const entry = writer()
      .uint32((1 << 3) | 2)
      .string("k")
      .finish();
    const one = writer()
      .uint32((4 << 3) | 2)
      .bytes(entry)
      .finish();
    const many = Buffer.concat(Array.from({ length: 4_000 }, () => one));
    assert.throws(() => decode(many, "test.All", 100_000), /larger than 100000 bytes/);
  });

  test("unknown fields, numbers of an enum, and types of an Any are no error", () => {
    const bytes = protobuf.Writer.create()
      .uint32((99 << 3) | 2)
      .string("new")
      .uint32(8 << 3)
      .int32(77)
      .uint32((14 << 3) | 2)
      .fork()
      .uint32((1 << 3) | 2)
      .string("x/other.Type")
      .uint32((2 << 3) | 2)
      .bytes(Uint8Array.of(1, 2))
      .ldelim()
      .finish();
    assert.deepEqual(decode(bytes), {
      ...ZEROS,
      colour: 77,
      any: { "@type": "x/other.Type", value: "AQI=" },
    });
  });
});
