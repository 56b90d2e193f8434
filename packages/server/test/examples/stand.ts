/**
 * Where the specification's examples run: a real runtime on PostgreSQL with the real executor. The hosts that the examples
 * name are led to counterparts on loopback that speak the same protocols.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WorkflowError } from "@millrace/engine";
import type { Json } from "@millrace/language";
import { loadConfig, type RunningRuntime, silentLogger } from "@millrace/server";
import { createDatabase } from "@millrace/testkit";
import { type RecordedRequest, type Reply, startHttpFixture } from "@millrace/testkit/http";
import { createLocalJWKSet, jwtVerify } from "jose";
import { OAuth2Server } from "oauth2-mock-server";
import { greeterOf, startGreeter } from "../../src/activities/grpc/testing-server.ts";
import { createActivities } from "../../src/activities/registry.ts";
import { systemClock } from "../../src/clock.ts";
import { openPostgresRuntime } from "../../src/runtime/open.ts";
import type { Runtime } from "../../src/runtime.ts";
import type { Schedules } from "../../src/scheduler/service.ts";

const ACTIVITIES = join(import.meta.dirname, "../../src/activities");
const REPOSITORY = join(import.meta.dirname, "../../../..");

/** Answers for one host. */
export type Host = (request: RecordedRequest) => Reply | Promise<Reply>;

export interface Stand {
  readonly runtime: Runtime;
  readonly schedules: Schedules;
  /** What hosts were asked since the last `reset`. */
  readonly requests: readonly RecordedRequest[];
  /** The counterparts, by host name; an example may put its own here. */
  readonly hosts: Map<string, Host>;
  /** The tenant's secrets, by name. */
  readonly secrets: Map<string, Json>;
  /** Forgets requests and secrets. */
  reset(): void;
  /** Says whether a token is one of the authority's. @throws {Error} when it is not */
  verify(token: string): Promise<void>;
  close(): Promise<void>;
}

export interface Ended {
  readonly status: string;
  readonly output?: Json;
  readonly error?: WorkflowError;
}

/** What is closed at the end, the newest first. */
type Closing = (() => Promise<unknown>)[];

const ISSUER = "http://keycloak/realms/fake-authority";

/** The authority of the examples. */
async function openAuthority(closing: Closing) {
  const endpoints = { token: "/auth/token", introspect: "/auth/introspect" };
  const { issuer, service } = new OAuth2Server(undefined, undefined, { endpoints });
  await issuer.keys.generate("RS256");
  issuer.url = ISSUER;
  const server = createServer((request, response) => {
    request.url = request.url?.replace(/^\/realms\/fake-authority/, "");
    service.requestHandler(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(async () => server.close().closeAllConnections());
  const keys = createLocalJWKSet({ keys: issuer.keys.toJSON() });
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async verify(token: string): Promise<void> {
      await jwtVerify(token, keys, { issuer: ISSUER });
    },
  };
}

/** Local resources, programs and images, as an operator would set them up. */
async function openFolder(closing: Closing): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-examples-"));
  closing.push(() => rm(folder, { recursive: true, force: true }));
  await chmod(folder, 0o755);
  for (const name of ["app", "programs", "engine"]) await mkdir(join(folder, name));
  await writeFile(join(folder, "app/greet.proto"), greeterOf("GreeterApi"));
  const mcp = join(ACTIVITIES, "mcp/testing-stdio.ts");
  const npx = `#!/bin/sh\nexec node ${mcp} "$@"\n`;
  await writeFile(join(folder, "programs/npx"), npx, { mode: 0o755 });
  const images = {
    "hello-world": { Cmd: ["/bin/echo", "Hello from Docker!"] },
    alpine: { Cmd: ["/bin/sh"] },
  };
  for (const [name, image] of Object.entries(images))
    await writeFile(join(folder, `engine/registry-${name}`), JSON.stringify(image));
  process.env["ENGINE_STATE"] = join(folder, "engine");
  return folder;
}

export async function openStand(names: readonly string[]): Promise<Stand> {
  const closing: Closing = [];
  const hosts = new Map<string, Host>();
  const secrets = new Map<string, Json>();
  let requests: RecordedRequest[] = [];
  const authority = await openAuthority(closing);
  const folder = await openFolder(closing);
  const greeter = await startGreeter({ package: "GreeterApi" });
  closing.push(() => Promise.resolve(greeter.close()));
  const http = await startHttpFixture((request) => {
    requests.push(request);
    const host = hosts.get(request.headers["host"] ?? "");
    return host?.(request) ?? { status: 502, body: "no such host in these tests" };
  });
  closing.push(() => http.close());
  const executor = createActivities({
    egress: { allowLoopback: true },
    resources: folder,
    secrets: { get: async (_tenant, name) => secrets.get(name) },
    origins: {
      ...Object.fromEntries(names.map((name) => [name, http.origin])),
      "http://keycloak": authority.origin,
      "grpc://localhost:5011": `grpc://127.0.0.1:${greeter.port}`,
    },
    runs: {
      kinds: ["shell", "script", "container", "mcp"],
      isolation: "process",
      programs: [join(folder, "programs"), REPOSITORY],
      containerCli: join(ACTIVITIES, "run/container/testing/engine.js"),
    },
  });
  closing.push(() => executor.close());
  const database = await createDatabase();
  closing.push(() => database.drop());
  const opened: RunningRuntime = await openPostgresRuntime({
    config: loadConfig({}, { databaseUrl: database.url, exclusive: true }),
    log: silentLogger,
    clock: systemClock(),
    executor,
    fetcher: executor,
  });
  closing.push(() => opened.stop());
  return {
    runtime: opened.runtime,
    schedules: opened.schedules,
    get requests() {
      return requests;
    },
    hosts,
    secrets,
    verify: (token) => authority.verify(token),
    reset() {
      requests = [];
      secrets.clear();
    },
    async close() {
      for (const close of closing.toReversed()) await close();
    },
  };
}
