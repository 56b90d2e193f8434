/** Secrets through the command: set from standard input, used by a run, never shown. */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startHttpFixture } from "@millrace/testkit/http";
import { definition, folder, millrace, serve } from "./command.ts";

/** Counts how often the right key arrives. */
async function keyed(t: TestContext) {
  const seen: (string | undefined)[] = [];
  const server = await startHttpFixture(({ headers }) => {
    seen.push(headers["x-key"]);
    return { body: { echo: headers["x-key"] } };
  });
  t.after(() => server.close());
  return { origin: server.origin, seen };
}

const flow = (origin: string, expression = "$secrets.key"): string => `use: { secrets: [key] }
do:
  - ask:
      call: http
      with: { method: get, endpoint: "${origin}/", headers: { x-key: "\${ ${expression} }" } }
`;

test("dev: set from standard input, list, use, rotate, delete", async (t) => {
  const { origin, seen } = await keyed(t);
  const dataDir = folder(t);
  const { url } = await serve(t, ["dev", "--port", "0", "--data-dir", dataDir]);
  const cli = (words: readonly string[], stdin = "") =>
    millrace(words, { env: { MILLRACE_URL: url }, stdin });
  assert.equal(statSync(join(dataDir, "master.key")).mode & 0o777, 0o600);
  const set = await cli(["secret", "set", "key"], "hunter2\n");
  assert.deepEqual(set, { code: 0, stdout: "key: version 1\n", stderr: "" });
  await cli(["apply", definition(t, flow(origin), "ask")]);
  const ran = await cli(["start", "test/ask", "--wait", "30s"]);
  assert.deepEqual(JSON.parse(ran.stdout), { echo: "***" });
  assert.deepEqual(seen, ["hunter2"]);

  const json = await cli(["secret", "set", "key", "--json"], '{"part": "other-part"}');
  assert.equal(json.stdout, "key: version 2\n");
  const listed = await cli(["secret", "list"]);
  assert.match(listed.stdout, /^NAME +VERSION +CREATED +SET\nkey +2 /);
  assert.doesNotMatch(listed.stdout, /hunter2|other/);
  const rotated = await cli(["secret", "rotate-keys", "--data-keys"]);
  assert.match(rotated.stdout, /: 0 data keys wrapped anew, 1 secrets encrypted anew, 1 data keys/);
  const gone = await cli(["secret", "delete", "key", "key"]);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /^key: deleted\nmillrace: there is no secret key \(secret-not-found\)/);
  const missing = await cli(["start", "test/ask", "--wait", "30s"]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /no secret "key".*\(403 .*authorization\)/);
  assert.equal(seen.length, 1);
});

test("a value is no argument, and what is no value is refused without being quoted", async () => {
  const env = { MILLRACE_URL: "http://127.0.0.1:1" };
  const argument = await millrace(["secret", "set", "key", "hunter2"], { env });
  assert.equal(argument.code, 2);
  const empty = await millrace(["secret", "set", "key"], { env, stdin: "\n" });
  assert.deepEqual([empty.code, empty.stderr], [2, "millrace: standard input holds no value\n"]);
  const broken = await millrace(["secret", "set", "key", "--json"], { env, stdin: "{hunter2" });
  assert.deepEqual(
    [broken.code, broken.stderr],
    [2, "millrace: --json: standard input is not JSON\n"],
  );
});

test("run: secrets come from a file or the environment", async (t) => {
  const { origin, seen } = await keyed(t);
  const [text, part] = [
    definition(t, flow(origin)),
    definition(t, flow(origin, "$secrets.key.part")),
  ];
  const file = (name: string, content: string): string => {
    const path = join(folder(t), name);
    writeFileSync(path, content);
    return path;
  };
  const dotenv = file(".env", '# comment\nkey="from dotenv"\nOTHER=x\n');
  const json = file("secrets.json", '{"key": {"part": "from json"}}');
  const runs: readonly (readonly [string, readonly string[], Record<string, string>, string])[] = [
    [text, ["--secrets-file", dotenv], {}, "from dotenv"],
    [part, ["--secrets-file", json], {}, "from json"],
    [text, ["--secrets-file", dotenv], { MILLRACE_SECRET_key: "from the name" }, "from the name"],
    [part, [], { MILLRACE_SECRET_KEY: '{"part": "from capitals"}' }, "from capitals"],
  ];
  for (const [flowFile, words, env, expected] of runs) {
    const { stdout, stderr } = await millrace(["run", flowFile, ...words], { env });
    assert.deepEqual(JSON.parse(stdout || "null"), { echo: "***" }, stderr);
    assert.equal(seen.at(-1), expected);
  }
  const none = await millrace(["run", text]);
  assert.match(none.stderr, /no secret "key"/);
  for (const bad of [file("bad.json", "{ hunter2"), "/nowhere/secrets"]) {
    const refused = await millrace(["run", text, "--secrets-file", bad]);
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /^millrace: --secrets-file .*: (not an object of JSON|cannot be read \(ENOENT\))\n$/,
    );
  }
});

test("the specification's examples of credentials from a secret run", async (t) => {
  const spec = process.env["MILLRACE_SPEC_DIR"];
  if (spec === undefined)
    return t.skip("set MILLRACE_SPEC_DIR to a folder with the specification's examples");
  const server = await startHttpFixture(({ target, headers }) => {
    if (target.startsWith("/.well-known/"))
      return { body: { token_endpoint: `${server.origin}/oauth2/token` } };
    if (target === "/oauth2/token")
      return { body: { access_token: "t0ken", token_type: "Bearer" } };
    return { body: { pet: target, authorized: headers["authorization"] === "Bearer t0ken" } };
  });
  t.after(() => server.close());
  const policy = {
    authority: server.origin,
    grant: "client_credentials",
    client: { id: "me", secret: "s3cret" },
  };
  const env = { MILLRACE_SECRET_mySecret: JSON.stringify(policy) };
  for (const name of ["oauth2", "oidc"]) {
    const example = readFileSync(join(spec, `examples/authentication-${name}-secret.yaml`), "utf8");
    const here = example.replace("https://petstore.swagger.io", server.origin);
    const path = join(folder(t), `${name}.yaml`);
    writeFileSync(path, here);
    const ran = await millrace(["run", path, "--input", '{"petId": 7}'], { env });
    assert.deepEqual(
      JSON.parse(ran.stdout || "null"),
      { pet: "/v2/pet/7", authorized: true },
      ran.stderr,
    );
  }
});
