/**
 * Canaries: workflows use secrets wherever they may, against a server that repeats them in every encoding; then nothing of
 * them is to be found in any table, log line, answer of the API or metric.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, suite, test } from "node:test";
import { createDatabase, type TestDatabase } from "@millrace/testkit";
import pg from "pg";
import { loadConfig } from "../src/config.ts";
import { type Server, startServer } from "../src/main.ts";
import { createLogger } from "../src/observe/log.ts";
import { LogRedaction } from "../src/secrets/redact.ts";
import { type EchoServer, html, startEchoServer } from "./echo-server.ts";
import { type Collector, startCollector } from "./otlp-collector.ts";

const unique = (): string => randomBytes(9).toString("hex");
/** One of letters alone, one of everything that is written differently somewhere, one in lines, a number. */
const WORD = `canary${unique()}`;
const ODD = `cän/ary+ &"<'\\>?${unique()}=`;
const LINES = `-----BEGIN ${unique()}-----\nMIIB${unique()}\n-----END ${unique()}-----\n`;
const NUMBER = 7_000_000_000_000 + Math.floor(Math.random() * 1e12);
const PASSWORD = `pass:${unique()}`;
const CLIENT_SECRET = `client${unique()}`;
const TOKEN = `token${unique()}`;
const CANARIES = [
  WORD,
  ODD,
  ...LINES.trim().split("\n"),
  String(NUMBER),
  PASSWORD,
  CLIENT_SECRET,
  TOKEN,
];

const call = (path: string, more: object = {}) => ({
  call: "http",
  with: {
    method: "post",
    endpoint: { uri: `\${ "${path}/" + ($secrets.odd | @uri) + "/" + $secrets.word }` },
    query: { q: "${ $secrets.odd }", n: "${ $secrets.all.number }" },
    headers: { "x-key": "Key ${ $secrets.word }", "x-lines": "${ $secrets.lines | @base64 }" },
    body: {
      whole: "${ [$secrets.word, $secrets.odd, $secrets.lines, $secrets.all] }",
      text: "a ${ $secrets.odd } b",
      input: "${ .n }",
    },
    ...more,
  },
});
const endpoint = (uri: string, authentication: object) => ({ endpoint: { uri, authentication } });
const caught = (task: object) => ({
  try: [{ it: task }],
  catch: { as: "e", do: [{ keep: { set: { error: "${ $e }" } } }] },
});

function definition(origin: string): object {
  const authorized = { body: { mine: "${ $authorization }", all: "${ $secrets.all }" } };
  const tasks = {
    content: call(`${origin}/echo`),
    raw: call(`${origin}/text`, { output: "raw" }),
    response: call(`${origin}/text`, { output: "response" }),
    followed: call(`${origin}/on`, { output: "response", redirect: true }),
    page: call(`${origin}/page`),
    away: call(`${origin}/away`),
    awayFollowed: call(`${origin}/away`, { redirect: true }),
    broken: call(`${origin}/broken`),
    badHeader: call(`${origin}/echo`, { headers: { "x-key": "${ $secrets.lines }" } }),
    badUri: call("no uri", { endpoint: "${ $secrets.odd }" }),
    badMethod: call(`${origin}/echo`, { method: "${ $secrets.odd }" }),
    badExpression: call(`${origin}/echo`, { body: "${ $secrets.word + 1 }" }),
    raised: call(`${origin}/echo`, { body: "${ error($secrets.odd) }" }),
    basic: call("", { ...endpoint(`${origin}/echo`, { basic: { use: "user" } }), ...authorized }),
    bearer: call("", { ...endpoint(`${origin}/text`, { bearer: { use: "word" } }), ...authorized }),
    oauth2: call("", {
      ...endpoint(`${origin}/echo`, { oauth2: { use: "client" } }),
      ...authorized,
    }),
    digest: call("", { ...endpoint(`${origin}/echo`, { digest: { use: "user" } }), ...authorized }),
    refused: call("", endpoint(`${origin}/page`, { basic: { use: "user" } })),
    missing: call(`${origin}/echo`, { body: "${ $secrets.missing }" }),
    shell: {
      run: {
        shell: {
          command: "echo ${ $secrets.odd | @sh }; exit 3",
          environment: { A: "${ $secrets.word }" },
        },
        return: "all",
      },
    },
  };
  return {
    document: { dsl: "1.0.3", namespace: "test", name: "canaries", version: "1.0.0" },
    use: { secrets: ["word", "odd", "lines", "all", "user", "client", "missing"] },
    do: [
      ...Object.entries(tasks).map(([name, task]) => ({
        [name]: { ...caught(task), output: { as: "{ n: 1, seen: . }" }, export: { as: ". " } },
      })),
      { last: call(`${origin}/page`) },
    ],
  };
}

suite("canaries", () => {
  const lines: string[] = [];
  let database: TestDatabase;
  let server: Server;
  let echo: EchoServer;
  let collector: Collector;

  before(async () => {
    database = await createDatabase();
    echo = await startEchoServer(CANARIES, TOKEN);
    const redaction = new LogRedaction();
    const log = createLogger("debug", { write: (line) => void lines.push(line) }, redaction);
    const config = loadConfig(
      { MILLRACE_DATABASE_URL: database.url, MILLRACE_MASTER_KEY: randomBytes(32).toString("hex") },
      { port: 0, egressAllowLoopback: true, runs: ["shell"], logLevel: "debug" },
    );
    collector = await startCollector();
    const environment = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_LOGS_EXPORTER: "otlp",
      OTEL_BSP_SCHEDULE_DELAY: "10",
      OTEL_METRIC_EXPORT_INTERVAL: "100",
    };
    server = await startServer(config, { log, redaction, environment });
  });
  after(async () => {
    await server.stop();
    await echo.close();
    await collector.close();
    await database.drop();
  });

  async function api(path: string, method = "GET", body?: unknown): Promise<string> {
    const response = await fetch(server.url + path, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    assert.ok(
      response.ok,
      `${method} ${path}: ${response.status} ${await response.clone().text()}`,
    );
    return response.text();
  }

  test("no value is found in tables, logs, answers, metrics or traces", {
    timeout: 120_000,
  }, async () => {
    const secrets = {
      word: WORD,
      odd: ODD,
      lines: LINES,
      all: { number: NUMBER, deep: [{ word: WORD }, ODD] },
      user: { username: "ada", password: PASSWORD },
      client: {
        authority: echo.origin,
        grant: "client_credentials",
        client: { id: "me", secret: CLIENT_SECRET },
      },
    };
    const answers: string[] = [];
    for (const [name, value] of Object.entries(secrets))
      answers.push(await api(`/v1/secrets/${name}`, "PUT", { value }));
    // Every secret is used, so that one that is missing stops nothing but its own call.
    answers.push(await api("/v1/workflows", "POST", definition(echo.origin)));
    const start = "/v1/workflows/test/canaries/instances?wait=60s";
    const ended = await api(start, "POST", { input: { n: 1 } });
    const { id, status, error } = JSON.parse(ended) as Record<string, unknown>;
    assert.equal(status, "faulted", ended);
    assert.match((error as { detail: string }).detail, /answered 500/);
    answers.push(ended);
    for (const path of [
      `/v1/instances/${String(id)}`,
      `/v1/instances/${String(id)}/history`,
      "/v1/instances",
      "/v1/secrets",
      "/v1/workflows/test/canaries",
      "/metrics",
    ])
      answers.push(await api(path));
    await api("/v1/secret-keys/rotation", "POST", { dataKeys: true }).then((text) =>
      answers.push(text),
    );
    const log = (said: string) => server.log.info({ said }, `told: ${said}`);
    for (const word of CANARIES) log(word);

    const heard = echo.heard.join("\n");
    for (const word of [WORD, PASSWORD, CLIENT_SECRET, TOKEN, String(NUMBER), JSON.stringify(ODD)])
      assert.ok(isHeard(heard, word), `${word} never reached the server: nothing was tested`);
    assert.ok(answers.join().includes("***"), "nothing was redacted: nothing was repeated");
    await collector.until(() => collector.spans.find(({ name }) => name === "test/canaries"));
    await collector.until(() => (collector.logs.length > 0 ? true : undefined));
    await collector.until(() => (collector.metrics.size > 0 ? true : undefined));
    assert.ok(collector.spans.some(({ name }) => name === "call:http it"));
    for (const encoding of ["utf8", "latin1"] as const)
      search(
        "collector",
        collector.bodies.map((body) => body.toString(encoding)),
      );
    search("answers", answers);
    search("log", lines);
    for (const [table, rows] of await dump(database.url)) search(table, rows);
  });
});

/** Basic authentication carries its password in base64. */
function isHeard(heard: string, word: string): boolean {
  const basic = Buffer.from(`ada:${word}`).toString("base64");
  return heard.includes(word) || heard.includes(basic);
}

/** Written down anew here, and not taken from what redacts: it may have forgotten one. */
function encodings(word: string): readonly string[] {
  const bytes = Buffer.from(word, "utf8");
  const cut = (text: string) => text.replace(/=+$/, "").slice(0, -1);
  const shifted = [0, 1, 2].flatMap((by) => {
    const text = Buffer.concat([Buffer.alloc(by), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    return [text.slice(by === 0 ? 0 : by + 1, -1)];
  });
  const json = JSON.stringify(word).slice(1, -1);
  return [
    word,
    json,
    JSON.stringify(json).slice(1, -1),
    encodeURIComponent(word),
    encodeURIComponent(word).toLowerCase(),
    new URLSearchParams({ v: word }).toString().slice(2),
    html(word),
    bytes.toString("hex"),
    ...shifted,
    cut(bytes.toString("base64url")),
    cut(Buffer.from(bytes.toString("base64")).toString("base64")),
  ];
}

function search(place: string, texts: readonly string[]): void {
  for (const [at, canary] of CANARIES.entries())
    for (const [form, written] of encodings(canary).entries())
      for (const text of texts) {
        const found = text.indexOf(written);
        const near = text.slice(Math.max(0, found - 200), found + 60);
        assert.equal(found, -1, `${place}: canary ${at}, encoding ${form}: …${near}`);
      }
}

/** Every row of every table as text; bytes as they are, too. */
async function dump(url: string): Promise<Map<string, readonly string[]>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: tables } = await client.query<{ name: string }>(
      "SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public'",
    );
    const found = new Map<string, readonly string[]>();
    for (const { name } of tables) {
      const { rows } = await client.query<{ text: string }>(
        `SELECT row_to_json(t)::text || t::text AS text FROM ${name} t`,
      );
      const bytes = rows.flatMap(({ text }) =>
        [...text.matchAll(/\\\\x([0-9a-f]+)/g)].map((match) =>
          Buffer.from(match[1] ?? "", "hex").toString("utf8"),
        ),
      );
      found.set(name, [...rows.map(({ text }) => text), ...bytes]);
    }
    assert.ok((found.get("finished") ?? []).length > 0 && (found.get("secrets") ?? []).length > 0);
    return found;
  } finally {
    await client.end();
  }
}
