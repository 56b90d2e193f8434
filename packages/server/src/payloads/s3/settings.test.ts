import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../settings.ts";
import { s3Settings } from "./settings.ts";

test("a bucket alone, with a prefix, and with everything", () => {
  assert.deepEqual(s3Settings("s3://payloads"), {
    bucket: "payloads",
    prefix: "",
    pathStyle: false,
  });
  assert.deepEqual(s3Settings("s3://my.payloads/a/b/?region=eu-central-1"), {
    bucket: "my.payloads",
    prefix: "a/b/",
    region: "eu-central-1",
    pathStyle: false,
  });
  assert.deepEqual(s3Settings("s3://payloads/x?endpoint=https://minio.example:9000/"), {
    bucket: "payloads",
    prefix: "x/",
    endpoint: "https://minio.example:9000",
    pathStyle: true,
  });
  const encoded = "s3://payloads?endpoint=http%3A%2F%2F127.0.0.1%3A9000&pathStyle=false";
  assert.deepEqual(s3Settings(encoded), {
    bucket: "payloads",
    prefix: "",
    endpoint: "http://127.0.0.1:9000",
    pathStyle: false,
  });
});

test("an S3 URL that names no bucket, or says what there is not, is refused with what was expected", () => {
  const refusals: readonly (readonly [string, RegExp])[] = [
    ["payloads", /expected s3:\/\/bucket/],
    ["https://payloads.s3.amazonaws.com", /expected s3:\/\/bucket/],
    ["s3://", /expected s3:\/\/bucket|name of a bucket/],
    ["s3://Payloads", /name of a bucket/],
    ["s3://ab", /name of a bucket/],
    ["s3://payloads:9000", /name of a bucket/],
    ["s3://payloads/a//b", /prefix/],
    ["s3://payloads/a b", /prefix/],
    [`s3://payloads/${"a".repeat(600)}`, /prefix/],
    ["s3://payloads#x", /nothing may follow a #/],
    ["s3://payloads?bucket=x", /unknown parameter bucket; there are endpoint, region, pathStyle/],
    ["s3://payloads?endpoint=minio:9000", /endpoint: expected http/],
    ["s3://payloads?endpoint=https://user@minio", /endpoint: expected http/],
    ["s3://payloads?region=eu central", /region: expected/],
    ["s3://payloads?pathStyle=yes", /pathStyle: expected true or false/],
  ];
  for (const [text, expected] of refusals)
    assert.throws(
      () => s3Settings(text),
      (error) => error instanceof ConfigError && expected.test(error.message),
      text,
    );
});

test("credentials in an S3 URL are refused, and not repeated", () => {
  for (const text of ["s3://KEY:hunter2@payloads", "s3://hunter2@payloads"])
    assert.throws(
      () => s3Settings(text),
      (error) =>
        error instanceof ConfigError &&
        /AWS_SECRET_ACCESS_KEY/.test(error.message) &&
        !error.message.includes("hunter2"),
    );
});
