/** Definitions that use every part of the language, for tests that change them. */

const document = { dsl: "1.0.3", namespace: "shop", name: "orders", version: "1.2.3" };

const oauth2 = {
  authority: "https://login.example/{realm}",
  grant: "client_credentials",
  client: { id: "a", secret: "b", authentication: "client_secret_basic" },
  request: { encoding: "application/json" },
  scopes: ["read"],
  audiences: ["x"],
  issuers: ["y"],
  subject: { token: "t", type: "jwt" },
};

const calls = [
  {
    get: {
      call: "http",
      with: {
        method: "get",
        endpoint: { uri: "https://shop.example/{id}", authentication: { use: "shop" } },
        headers: { accept: "application/json" },
        query: "${ .query }",
        body: { any: [1, "two"] },
        output: "response",
        redirect: true,
      },
      output: { as: ".content", schema: { document: { type: "object" } } },
      then: "open",
    },
  },
  {
    open: {
      call: "openapi",
      with: {
        document: { endpoint: "https://shop.example/openapi.json" },
        operationId: "getPet",
        parameters: { id: 1 },
        authentication: { oauth2: { ...oauth2, endpoints: { token: "/token" } } },
      },
    },
  },
  {
    rpc: {
      call: "grpc",
      with: {
        proto: { endpoint: "file://a.proto", name: "a" },
        service: { name: "Greeter", host: "localhost", port: 50051 },
        method: "SayHello",
        arguments: { name: "${ .name }" },
      },
    },
  },
  {
    publish: {
      call: "asyncapi",
      with: {
        document: { endpoint: { uri: "${ .uri }" } },
        operation: "send",
        server: { name: "main", variables: { a: 1 } },
        protocol: "kafka",
        message: { payload: { a: 1 }, headers: {} },
        authentication: { bearer: { token: "t" } },
      },
    },
  },
  {
    consume: {
      call: "asyncapi",
      with: {
        document: { endpoint: "https://shop.example/async.json" },
        channel: "orders",
        subscription: {
          filter: "${ .a == 1 }",
          consume: { for: { seconds: 5 }, while: "${ true }" },
          foreach: { item: "m", at: "i", do: [{ s: { set: { m: "${ $m }" } } }] },
        },
      },
    },
  },
  {
    tools: {
      call: "mcp",
      with: {
        method: "tools/call",
        parameters: { name: "x" },
        timeout: "PT10S",
        transport: { http: { endpoint: "https://mcp.example", headers: { a: "b" } } },
        client: { name: "c", version: "1" },
      },
    },
  },
  {
    local: {
      call: "mcp",
      with: {
        method: "tools/list",
        transport: { stdio: { command: "serve", arguments: ["-x"], environment: { A: "1" } } },
      },
    },
  },
  {
    agent: {
      call: "a2a",
      with: {
        method: "message/send",
        agentCard: { endpoint: "https://agent.example/card" },
        server: "https://agent.example",
        parameters: { message: { text: "hi" } },
      },
    },
  },
  { custom: { call: "greet", with: { name: "x" } } },
];

const blocks = [
  {
    loop: {
      for: { each: "pet", in: ".pets", at: "i" },
      while: ".ok",
      do: [{ keep: { set: { pet: "${ $pet }" } } }],
    },
  },
  { fixed: { for: { in: [{ a: 1 }] }, do: [{ keep: { set: "${ . }" } }] } },
  {
    both: {
      fork: { compete: true, branches: [{ a: { wait: "PT1S" } }, { b: { wait: { minutes: 1 } } }] },
    },
  },
  {
    safe: {
      try: [{ fail: { raise: { error: "broken" } } }],
      catch: {
        errors: { with: { type: "https://x.example/e", status: 500 } },
        as: "problem",
        when: ".status == 500",
        exceptWhen: '.title == "no"',
        retry: {
          when: "$problem.status == 500",
          delay: { seconds: 1 },
          backoff: { exponential: {} },
          limit: { attempt: { count: 3, duration: "PT5S" }, duration: "PT1M" },
          jitter: { from: { milliseconds: 1 }, to: { milliseconds: 9 } },
        },
        do: [{ note: { set: { problem: "${ $problem }" } } }],
        then: "choose",
      },
    },
  },
  {
    choose: {
      if: ".a",
      switch: [{ one: { when: ".x == 1", then: "exit" } }, { other: { then: "end" } }],
      timeout: { after: "PT1H" },
    },
  },
  {
    oops: {
      raise: {
        error: {
          type: "https://x.example/e",
          status: 400,
          instance: "/a/b",
          title: "T",
          detail: "${ .d }",
        },
      },
    },
  },
];

const processes = [
  {
    box: {
      run: {
        container: {
          image: "alpine",
          name: "${ .n }",
          command: "ls",
          ports: { "80": 80 },
          volumes: {},
          environment: { A: "b" },
          stdin: "${ . }",
          arguments: ["-l"],
          lifetime: { cleanup: "eventually", after: "PT1M" },
          pullPolicy: "always",
        },
        await: false,
        return: "all",
      },
    },
  },
  { code: { run: { script: { language: "js", code: "1 + 1", arguments: ["a"] } } } },
  {
    far: {
      run: { script: { language: "js", source: { endpoint: "https://x.example/s.js" } } },
    },
  },
  { sh: { run: { shell: { command: "echo hi", environment: {} }, return: "code" } } },
  { child: { run: { workflow: { namespace: "a", name: "b", version: "1.0.0", input: {} } } } },
];

const events = [
  {
    tell: {
      emit: {
        event: {
          with: {
            id: "1",
            source: "https://shop.example",
            type: "t",
            time: "2026-01-02T03:04:05Z",
            subject: "s",
            datacontenttype: "application/json",
            dataschema: "https://shop.example/schema",
            data: { a: "${ .a }" },
            extra: 1,
          },
        },
      },
    },
  },
  {
    hear: {
      listen: {
        to: {
          any: [{ with: { type: "t" }, correlate: { id: { from: ".id", expect: "1" } } }],
          until: { one: { with: { type: "stop" } } },
        },
        read: "envelope",
      },
      foreach: { do: [{ s: { set: { a: 1 } } }], output: { as: "." }, export: { as: { a: 1 } } },
    },
  },
  { all: { listen: { to: { all: [{ with: { source: "${ .s }" } }] } } } },
  { some: { listen: { to: { any: [], until: "${ true }" } } } },
];

const use = {
  authentications: {
    shop: { basic: { username: "u", password: "p" } },
    key: { bearer: { use: "token" } },
    old: { digest: { username: "u", password: "p" } },
    open: { oidc: oauth2 },
    far: { oauth2: { use: "token" } },
  },
  errors: { broken: { type: "https://x.example/broken", status: 500 } },
  extensions: [
    { log: { extend: "all", when: "true", before: [{ a: { set: { a: 1 } } }], after: [] } },
  ],
  functions: { greet: { set: { hello: "${ .name }" }, metadata: { a: 1 } } },
  retries: {
    slow: { delay: "PT1S", backoff: { linear: {} } },
    flat: { backoff: { constant: {} } },
  },
  secrets: ["token"],
  timeouts: { short: { after: { seconds: 3 } } },
  catalogs: { main: { endpoint: "https://catalog.example" } },
};

/** Valid definitions; together they use every property of the language. */
export const documents: readonly object[] = [
  { document, use, do: calls, evaluate: { language: "jq", mode: "strict" } },
  {
    document: { ...document, title: "T", summary: "S", tags: { a: "b" }, metadata: {} },
    do: blocks,
    use,
  },
  { document, do: processes, timeout: "short", use, schedule: { cron: "0 0 * * *" } },
  { document, do: events, schedule: { on: { one: { with: { type: "t" } } }, read: "raw" } },
  {
    document,
    input: { schema: { format: "json", document: { type: "object" } }, from: ".a" },
    output: { as: { a: "${ . }" }, schema: { document: true } },
    timeout: { after: "${ .t }" },
    schedule: { every: { minutes: 5 } },
    do: [{ a: { do: [{ b: { set: { a: 1 }, input: { from: {} }, export: { as: "." } } }] } }],
  },
];
