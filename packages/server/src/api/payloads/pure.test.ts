/** The pure parts of reading payloads: ranges, conditions, codings, digests, and what follows from them together. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import test from "node:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { ProblemError } from "@millrace/protocol";
import fc from "fast-check";
import { chosenCoding, encoder, isCompressible } from "./codings.ts";
import { isMatched, isSameForRange, knownTag } from "./conditions.ts";
import { digestField, sentDigests } from "./content-digest.ts";
import { type Plan, planAnswer } from "./plan.ts";
import { askedRange } from "./ranges.ts";

const DIGEST = createHash("sha256").update("x").digest("hex");
const TAG = `"${DIGEST}"`;

test("one range is read as RFC 9110 has it, and anything else is passed over", () => {
  const cases: [string | undefined, number, ReturnType<typeof askedRange>][] = [
    [undefined, 10, "whole"],
    ["bytes=0-0", 10, { first: 0, last: 0 }],
    ["bytes=0-9", 10, { first: 0, last: 9 }],
    ["bytes=3-", 10, { first: 3, last: 9 }],
    ["bytes=-3", 10, { first: 7, last: 9 }],
    ["bytes=-30", 10, { first: 0, last: 9 }],
    ["bytes=5-99999999999999999999", 10, { first: 5, last: 9 }],
    ["Bytes= 2-4 ", 10, { first: 2, last: 4 }],
    ["bytes=,2-4,", 10, { first: 2, last: 4 }],
    ["bytes=10-", 10, "none"],
    ["bytes=99999999999999999999-", 10, "none"],
    ["bytes=-0", 10, "none"],
    ["bytes=0-", 0, "none"],
    ["bytes=-5", 0, "whole"],
    ["bytes=4-2", 10, "whole"],
    ["bytes=0-1,4-5", 10, "whole"],
    ["bytes=a-b", 10, "whole"],
    ["bytes=-", 10, "whole"],
    ["bytes=1.0-2", 10, "whole"],
    ["lines=0-1", 10, "whole"],
    ["", 10, "whole"],
  ];
  for (const [header, size, expected] of cases)
    assert.deepEqual(askedRange(header, size), expected, `${header} of ${size}`);
});

test("a range lies within the payload, and holds what was asked for of it", () => {
  const count = fc.nat({ max: 300 });
  fc.assert(
    fc.property(count, fc.option(count), fc.option(count), (size, first, last) => {
      const asked = askedRange(`bytes=${first ?? ""}-${last ?? ""}`, size);
      const all = Array.from({ length: size }, (_, at) => at);
      const wanted =
        first === null
          ? all.slice(last === null || last === 0 ? size : -last)
          : all.slice(first, (last ?? Infinity) + 1);
      if (asked === "none") assert.deepEqual(wanted, []);
      else if (asked !== "whole") {
        assert.deepEqual(all.slice(asked.first, asked.last + 1), wanted);
        assert.ok(wanted.length > 0);
      }
    }),
  );
});

test("If-Match compares strongly, If-None-Match weakly, If-Range with one strong tag", () => {
  for (const header of [undefined, "*", TAG, ` ${TAG} `, `"a", ${TAG}`, `"a",,${TAG},`])
    assert.equal(isMatched(header, TAG), true, header);
  for (const header of [`W/${TAG}`, DIGEST, '"a"', "", `${TAG} ${TAG}`, `"${TAG}`])
    assert.equal(isMatched(header, TAG), false, header);
  for (const header of [TAG, `W/${TAG}`, `"a", W/${TAG}`, "*"])
    assert.equal(knownTag(header, [TAG]), TAG, header);
  for (const header of [undefined, DIGEST, '"a"', "", "W/*"])
    assert.equal(knownTag(header, [TAG]), undefined, header);
  assert.equal(knownTag(`"a", ${TAG}`, ['W/"a"', TAG]), 'W/"a"');
  assert.ok(isSameForRange(undefined, TAG) && isSameForRange(TAG, TAG));
  for (const header of [`W/${TAG}`, '"a"', "Sat, 21 Nov 2026 20:00:00 GMT", "*"])
    assert.equal(isSameForRange(header, TAG), false, header);
});

test("the coding is the one that the caller likes best", () => {
  const cases: [string | undefined, string | undefined][] = [
    [undefined, undefined],
    ["", undefined],
    ["identity", undefined],
    ["deflate", undefined],
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["GZIP", "gzip"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip, deflate, br", "br"],
    ["br;q=0.5, gzip;q=0.8", "gzip"],
    ["gzip;q=0", undefined],
    ["gzip;q=0.5, identity", undefined],
    ["gzip;q=0.5, identity;q=0.2", "gzip"],
    ["*", "zstd"],
    ["*;q=0.1, br;q=0", "zstd"],
    ["zstd;q=0, *", "br"],
    ["gzip;q=2", undefined],
    ["gzip;q=x", undefined],
    [";;q=1,,", undefined],
  ];
  for (const [header, expected] of cases) assert.equal(chosenCoding(header), expected, header);
});

test("what is text and large enough is compressible, pictures and small things are not", () => {
  const types = [
    "text/plain",
    "Text/HTML; charset=utf-8",
    "application/json",
    "application/problem+json",
    "image/svg+xml",
    "application/x-ndjson",
  ];
  for (const type of types) {
    assert.equal(isCompressible(type, 1_024), true, type);
    assert.equal(isCompressible(type, 1_023), false, type);
  }
  for (const type of ["image/png", "application/octet-stream", "video/mp4", "application/zip"])
    assert.equal(isCompressible(type, 1_000_000), false, type);
});

test("each coding gives back what went in", async () => {
  const bytes = Buffer.from("abc".repeat(50_000));
  const decoders = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
  for (const coding of ["gzip", "br", "zstd"] as const) {
    const encoded: Buffer[] = await encoder(coding).end(bytes).toArray();
    const coded = Buffer.concat(encoded);
    assert.ok(coded.length < bytes.length / 10, coding);
    assert.deepEqual(decoders[coding](coded), bytes, coding);
  }
});

test("digests are read in RFC 9530's form, and malformed ones refused", () => {
  const sha512 = createHash("sha512").update("x").digest();
  const field = digestField(DIGEST);
  const long = `sha-512=:${sha512.toString("base64")}:`;
  assert.deepEqual(sentDigests({}), {});
  assert.deepEqual(sentDigests({ "content-digest": field }), { sha256: DIGEST });
  assert.deepEqual(sentDigests({ "repr-digest": `unixsum=:AAE=:, ${long} , ${field};a=1` }), {
    sha256: DIGEST,
    sha512: sha512.toString("hex"),
  });
  assert.deepEqual(sentDigests({ "content-digest": field, "repr-digest": field }), {
    sha256: DIGEST,
  });
  const other = digestField(createHash("sha256").update("y").digest("hex"));
  const bad = [DIGEST, `sha-256=${DIGEST}`, "sha-256=:AAAA:", "sha-256=:!:", "", "sha-256", "=::"];
  for (const fields of [
    ...bad.map((value) => ({ "content-digest": value })),
    { "content-digest": field, "repr-digest": other },
    { "content-digest": `${field}, ${other}` },
  ])
    assert.throws(
      () => sentDigests(fields),
      (error) => error instanceof ProblemError && error.code === "invalid-digest",
      JSON.stringify(fields),
    );
});

const NOW = Date.UTC(2026, 10, 21);
const HEADERS = {
  range: fc.constantFrom(undefined, "bytes=0-9", "bytes=-5", "bytes=5000-", "bytes=0-0,2-3", "x"),
  "if-match": fc.constantFrom(undefined, TAG, `W/${TAG}`, "*", '"other"'),
  "if-none-match": fc.constantFrom(undefined, TAG, `W/"${DIGEST}-gzip"`, "*", '"other"'),
  "if-range": fc.constantFrom(undefined, TAG, `W/${TAG}`, '"other"'),
  "accept-encoding": fc.constantFrom(undefined, "gzip", "gzip;q=0", "br, gzip", "*"),
};

/** What RFC 9110 section 13.2.2 asks for, step by step. */
function checkPlan(plan: Plan, size: number, asked: Record<string, string | undefined>): void {
  const { range, "if-match": match, "if-none-match": none, "if-range": same } = asked;
  if (match !== undefined && match !== TAG && match !== "*") {
    assert.equal(plan.kind === "refused" && plan.code, "precondition-failed");
    return;
  }
  assert.ok(plan.kind !== "refused" || plan.code === "range-not-satisfiable");
  if (none === TAG || none === "*") assert.equal(plan.kind, "known");
  if (none === '"other"' || none === undefined) assert.notEqual(plan.kind, "known");
  const isRanged = range?.startsWith("bytes=") === true && !range.includes(",");
  if (plan.kind === "refused")
    assert.ok(isRanged && plan.headers["content-range"] === `bytes */${size}`);
  if (plan.kind !== "sent") return;
  const { headers, coding } = plan;
  assert.equal(plan.status === 206, plan.range !== undefined);
  if (same !== undefined && same !== TAG) assert.equal(plan.status, 200);
  if (plan.range !== undefined) {
    const { first, last } = plan.range;
    assert.ok(isRanged && first <= last && last < size);
    assert.equal(headers["content-length"], String(last - first + 1));
    assert.equal(headers["content-range"], `bytes ${first}-${last}/${size}`);
  } else if (coding === undefined) assert.equal(headers["content-length"], String(size));
  // One tag for one string of bytes; a coding is told, and never for a part.
  assert.equal(headers["content-encoding"], coding);
  assert.equal(headers["etag"] === TAG, coding === undefined);
  assert.ok(coding === undefined || (range === undefined && headers["vary"] === "accept-encoding"));
  assert.equal(headers["repr-digest"] === undefined, coding !== undefined);
}

test("conditions, ranges and codings go together as RFC 9110 has it", () => {
  fc.assert(
    fc.property(
      fc.record(HEADERS),
      fc.constantFrom(0, 1, 10, 1_024, 5_001),
      fc.constantFrom("text/plain", "image/png"),
      (asked, size, mediaType) => {
        const given = Object.entries(asked).filter(([, value]) => value !== undefined);
        const info = { digest: DIGEST, size, mediaType, store: "database", kept: true };
        const circumstances = { now: NOW, isPrivate: false };
        const request = Object.fromEntries(given) as Record<string, string>;
        checkPlan(planAnswer({ ...info, createdAt: NOW }, request, circumstances), size, asked);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("caches keep a payload for a year, or as long as it is there, and no longer for others than may see it", () => {
  const info = { digest: DIGEST, size: 1, mediaType: "text/plain", store: "database", kept: true };
  const cached = (expiresAt: number | undefined, isPrivate: boolean): string | undefined => {
    const until = expiresAt === undefined ? {} : { expiresAt };
    const plan = planAnswer({ ...info, createdAt: NOW, ...until }, {}, { now: NOW, isPrivate });
    return plan.headers["cache-control"];
  };
  assert.equal(cached(undefined, false), "public, max-age=31536000, immutable");
  assert.equal(cached(undefined, true), "private, max-age=31536000, immutable");
  assert.equal(cached(NOW + 90_500, false), "public, max-age=90, immutable");
  assert.equal(cached(NOW - 1, false), "public, max-age=0, immutable");
});
