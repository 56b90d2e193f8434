import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { systemClock } from "../../clock.ts";
import { kindOf } from "../testing.ts";
import { importsOf } from "./imports.ts";
import { ProtoParser } from "./parse.ts";
import { greeting, grpcCaller, serveFiles } from "./testing.ts";
import { GREETER } from "./testing-server.ts";

const SYNTAX = 'syntax = "proto3";\n';

/** The error of a call whose document is `/main.proto` of these files. */
async function refusedWith(t: TestContext, files: Readonly<Record<string, string>>) {
  const { origin } = await serveFiles(t, files);
  const error = await grpcCaller(t).refused({
    proto: { endpoint: `${origin}/main.proto` },
    service: { name: "S", host: "127.0.0.1", port: 9 },
    method: "Do",
  });
  return `${kindOf(error)} ${error.detail?.replaceAll(origin, "")}`;
}

describe("proto documents", () => {
  test("are fetched once, with the credentials of their endpoint", async (t) => {
    const { call, input, files } = await greeting(t);
    const given = input("SayHello", { name: "Ada" });
    const endpoint = {
      uri: `${files.origin}/greet.proto`,
      authentication: { basic: { username: "ada", password: "p" } },
    };
    const withCredentials = { ...given, proto: { endpoint } };
    await Promise.all([call(withCredentials), call(withCredentials)]);
    await call(withCredentials);
    const basic = `Basic ${Buffer.from("ada:p").toString("base64")}`;
    assert.deepEqual(files.authorizations, [basic]);
    // Whoever has no credentials does not get what they opened.
    await call(given);
    assert.deepEqual(files.authorizations, [basic, undefined]);
  });

  test("import others, from beside them or from the folder their packages begin in", async (t) => {
    const { server, input } = await greeting(t);
    const split = GREETER.replace("message HelloRequest { string name = 1; }", "").replace(
      'import "google',
      'import "test/greet/v1/request.proto";\nimport public "beside.proto";\nimport "google',
    );
    const { origin, asked } = await serveFiles(t, {
      "/protos/test/greet/v1/greet.proto": split,
      "/protos/test/greet/v1/beside.proto": SYNTAX,
      "/protos/test/greet/v1/request.proto": `${SYNTAX}package test.greet.v1;
        import "test/greet/v1/name.proto"; message HelloRequest { string name = 1; }`,
      "/protos/test/greet/v1/name.proto": `${SYNTAX}import 'google/api/annotations.proto';`,
    });
    const endpoint = `${origin}/protos/test/greet/v1/greet.proto`;
    const output = await grpcCaller(t).call({
      ...input("SayHello", { name: "Ada" }),
      proto: { endpoint },
    });
    assert.equal((output as { message: string }).message, "Hello Ada", `${server.port}`);
    assert.equal(asked.filter((path) => path.endsWith("/v1/name.proto")).length, 2);
  });

  test("an import in a comment or a text is none", () => {
    const text = `// import "a";\n/* import "b"; */ option x = 'import "c";'; import weak "d"; import"e";`;
    assert.deepEqual(importsOf(text), ["d", "e"]);
    assert.deepEqual(importsOf('import "never ended'), []);
    // Linear, or this would not end.
    assert.deepEqual(importsOf("/*".repeat(500_000)), []);
    assert.deepEqual(importsOf('"\\'.repeat(500_000)), []);
  });

  test("what is no proto document is a configuration error that says where", async (t) => {
    for (const text of [
      "<html>",
      `${SYNTAX}message M { Missing field = 1; }\nservice S { rpc Do(M) returns (M); }`,
      `${SYNTAX}message M { string a = 1; string b = 1; }`,
      `${SYNTAX}message __proto__ { }`,
      "",
    ]) {
      const error = await refusedWith(t, { "/main.proto": text });
      assert.match(error, /^configuration 400 /, text);
    }
    assert.match(await refusedWith(t, {}), /^communication 404 GET \/main\.proto answered 404/);
  });

  test("a service or a method that is not there is answered with those that are", async (t) => {
    const { refused, input } = await greeting(t);
    const service = await refused(input("SayHello", {}, { name: "Greeting" }));
    assert.match(service.detail ?? "", /has no service Greeting; it has test\.greet\.v1\.Greeter$/);
    const method = await refused(input("sayHello", {}));
    assert.match(method.detail ?? "", /has no method sayHello; it has SayHello, Count, /);
    const one = `package a; message M {} service S { rpc Do(M) returns (M); }`;
    const two = await refusedWith(t, {
      "/main.proto": `${SYNTAX}import "b.proto"; ${one}`,
      "/b.proto": `${SYNTAX}${one.replace("package a", "package b")}`,
    });
    assert.match(two, /is it a\.S or b\.S\? Give the package too$/);
  });

  test("imports that leave their folder are refused", async (t) => {
    for (const name of ["../up.proto", "/etc/passwd", "//evil.example/a.proto", "a b.proto"]) {
      const files = { "/main.proto": `${SYNTAX}import "${name}";` };
      assert.match(await refusedWith(t, files), /^configuration 400 .*not a plain relative path/);
    }
    const url = { "/main.proto": `${SYNTAX}import "http://169.254.169.254/a.proto";` };
    assert.match(await refusedWith(t, url), /^configuration 400 .*not a plain relative path/);
  });

  test("imports without end, in number, depth and size", async (t) => {
    const many = Array.from({ length: 100 }, (_, index) => `import "f${index}.proto";`).join("\n");
    const wide = Object.fromEntries(
      Array.from({ length: 100 }, (_, index) => [`/f${index}.proto`, SYNTAX]),
    );
    const tooMany = await refusedWith(t, { "/main.proto": many, ...wide });
    assert.equal(tooMany, "configuration 400 /main.proto: more than 64 files");

    const deep = Object.fromEntries(
      Array.from({ length: 30 }, (_, index) => [
        `/f${index}.proto`,
        `import "f${index + 1}.proto";`,
      ]),
    );
    const tooDeep = await refusedWith(t, { "/main.proto": 'import "f0.proto";', ...deep });
    assert.match(tooDeep, /^configuration 400 \/main\.proto: imports are nested more than 16 deep/);

    const large = { "/main.proto": 'import "f.proto";', "/f.proto": " ".repeat(1024 * 1024) };
    assert.match(await refusedWith(t, large), /more than 1048576 bytes with its imports$/);

    const circle = { "/main.proto": 'import "a.proto";', "/a.proto": 'import "a.proto";' };
    assert.match(await refusedWith(t, circle), /has no service S; it has none$/);
  });

  test("a hundred megabytes", async (t) => {
    const files = { "/main.proto": "/".repeat(100 * 1024 * 1024) };
    assert.match(await refusedWith(t, files), /^communication 502 .*larger than 10485760 bytes/);
  });
});

describe("the parser of proto documents", () => {
  const parserFor = (t: TestContext) => {
    const clock = systemClock();
    const parser = new ProtoParser({ clock, limits: { parseTimeout: 2_000, parseMemoryMiB: 64 } });
    t.after(() => parser.close());
    return (text: string) => parser.parse([{ name: "main.proto", text: SYNTAX + text }], []);
  };

  test("a million fields", async (t) => {
    const parse = parserFor(t);
    const fields = (count: number) =>
      Array.from({ length: count }, (_, index) => `M f${index}=${index + 1};`).join("");
    // Where the parser is quadratic, it is stopped; meanwhile this thread goes on.
    let turns = 0;
    const turning = setInterval(() => (turns += 1), 10);
    t.after(() => clearInterval(turning));
    await assert.rejects(
      parse(`message M {${fields(60_000)}}`),
      /parsing takes more than (2000 ms|64 MiB)/,
    );
    assert.ok(turns > 10, `${turns} turns`);
    const messages = Array.from({ length: 1_000 }, (_, i) => `message M${i} {${fields(21)}}`);
    await assert.rejects(
      parse(`message M {} ${messages.join("")}`),
      /more than 20000 messages, fields/,
    );
  });

  test("nesting without end, and names without end", async (t) => {
    const parse = parserFor(t);
    await assert.rejects(parse("message M {".repeat(50_000)), /cannot be used/);
    await assert.rejects(parse(`option a = ${"{a:".repeat(100_000)}`), /cannot be used/);
    await assert.rejects(
      parse(`package ${"p".repeat(600)}; message M {}`),
      /a name of more than 512 characters/,
    );
    await assert.rejects(parse(`message M { string a = ${"1".repeat(500_000)}; }`), /main\.proto/);
  });

  test("names that are special in JavaScript are names", async (t) => {
    const parse = parserFor(t);
    const schema = await parse(
      "message constructor { string toString = 1; constructor hasOwnProperty = 2; string valueOf = 3; }",
    );
    const { byName } = schema.message("constructor");
    assert.deepEqual([...byName.keys()], ["toString", "hasOwnProperty", "valueOf"]);
    assert.deepEqual((await parse("message M { string __proto__ = 1; }")).message("M").fields, []);
  });
});
