/** The specification's example, run to its end, and what leads its hosts elsewhere: origin overrides, local resources, TLS. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { ServerCredentials } from "@grpc/grpc-js";
import { isObject, load } from "@millrace/language";
import { selfSigned, unavailable } from "@millrace/testkit/brokers";
import { runToEnd } from "../../local/host.ts";
import { kindOf } from "../testing.ts";
import { greeting, grpcCaller } from "./testing.ts";
import { GREETER, greeterOf, startGreeter } from "./testing-server.ts";

const example = join(process.env["MILLRACE_SPEC_DIR"] ?? "", "examples", "call-grpc.yaml");
const noExample =
  process.env["MILLRACE_SPEC_DIR"] === undefined || !existsSync(example)
    ? "set MILLRACE_SPEC_DIR to a folder with the specification's examples/"
    : false;

async function newFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-test-grpc-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

test("the specification's example runs to its end", { skip: noExample }, async (t) => {
  const resources = await newFolder(t);
  await mkdir(join(resources, "app"));
  await writeFile(join(resources, "app", "greet.proto"), greeterOf("GreeterApi"));
  const server = await startGreeter({ package: "GreeterApi" });
  t.after(() => server.close());
  const { activities: executor } = grpcCaller(t, {
    egress: {},
    resources,
    origins: { "grpc://localhost:5011": `grpc://127.0.0.1:${server.port}` },
  });
  const loaded = load(await readFile(example, "utf8"));
  assert.ok(loaded.ok);
  const input = { user: { preferredDisplayName: "Ada" } };
  const { state } = await runToEnd(loaded.program, "example", input, { executor });
  assert.equal(state.status, "completed", JSON.stringify(state));
  assert.ok(isObject(state.output));
  assert.equal(state.output["message"], "Hello Ada");
});

test("a file is read from the folder of local resources and from nowhere else", async (t) => {
  const { server, input } = await greeting(t);
  const folder = await newFolder(t);
  const resources = join(folder, "resources");
  await mkdir(resources);
  await writeFile(join(resources, "greet.proto"), GREETER);
  await writeFile(join(folder, "secret.proto"), GREETER);
  await writeFile(join(resources, "large.proto"), " ".repeat(2_000_000));
  await symlink(join(folder, "secret.proto"), join(resources, "link.proto"));
  const asking = (endpoint: string) => ({
    ...input("SayHello", { name: "Ada" }),
    proto: { endpoint },
  });
  const { call, refused } = grpcCaller(t, { resources });
  for (const endpoint of ["file:///greet.proto", "file://greet.proto"]) {
    assert.ok(isObject(await call(asking(endpoint))), `${server.port}`);
  }
  for (const endpoint of [
    "file:///../secret.proto",
    "file:///%2e%2e/secret.proto",
    "file:///..%2fsecret.proto",
    "file:///link.proto",
    "file:///absent.proto",
    "file:///large.proto",
    "file:///etc/passwd",
    "file:///",
  ]) {
    assert.equal(kindOf(await refused(asking(endpoint))), "configuration 400", endpoint);
  }
  const error = await grpcCaller(t).refused(asking("file:///greet.proto"));
  assert.match(error.detail ?? "", /no folder of local resources is set up \(MILLRACE_RESOURCES\)/);
});

test("TLS, where the operator says so, with a certificate that has to fit", {
  skip: unavailable({ openssl: "openssl" }),
}, async (t) => {
  const { keyFile, certFile } = selfSigned(await newFolder(t));
  const [key, cert] = [readFileSync(keyFile), readFileSync(certFile)];
  // Before anything else speaks TLS: Node.js keeps what it has once loaded.
  const before = getCACertificates("default");
  setDefaultCACertificates([...before, cert.toString()]);
  t.after(() => setDefaultCACertificates(before));
  const credentials = ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: cert }]);
  const { server, input } = await greeting(t, {}, { credentials });
  const target = `grpcs://greet.example:50051`;
  const config = {
    grpcTls: ["Localhost:50051", "greet.example:50051"],
    origins: {
      [target]: `grpcs://127.0.0.1:${server.port}`,
      "grpcs://localhost:50051": `grpcs://127.0.0.1:${server.port}`,
      "grpcs://localhost:443": `grpcs://127.0.0.1:${server.port}`,
    },
  };
  const at = (host: string, port?: number) => {
    const { service, ...rest } = input("SayHello", { name: "Ada" });
    assert.ok(isObject(service));
    const named = { name: "Greeter", host };
    return { ...rest, service: port === undefined ? named : { ...named, port } };
  };
  const { call, refused } = grpcCaller(t, config);
  // Port 443, also when none is given, is TLS without a word of the operator.
  for (const given of [at("localhost", 50_051), at("localhost", 443), at("localhost")]) {
    assert.ok(isObject(await call(given)));
  }
  const wrong = await refused(at("greet.example", 50_051));
  assert.equal(kindOf(wrong), "communication 502");
  assert.match(wrong.detail ?? "", /the TLS handshake failed \(ERR_TLS_CERT_ALTNAME_INVALID\)$/);
  const plain = await refused(at("127.0.0.1", server.port));
  assert.equal(kindOf(plain), "communication 503");
});
