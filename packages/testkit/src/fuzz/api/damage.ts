/** Puts something wrong into a request. */
import type { Random } from "../random.ts";
import { character, oddString } from "../values.ts";
import { encode, headerText, type Request } from "./request.ts";

type Change = (request: Request, random: Random) => Request;

// biome-ignore format: pools
const METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "QUERY", "get", "PROPFIND", "X"];
// biome-ignore format: pools
const PATHS = [
  "/", "//", "/v1", "/v1/", "/v1/instances/", "/v1/workflows//", "/healthz", "/readyz", "/metrics", "/openapi.json", "/..%2f",
  "/v1/instances/%", "/v1/instances/%zz", "/v1/instances/%00", "/v1/../v1/instances", "/v1/instances;x=1", "/V1/INSTANCES", "*",
  "/v1/events/", "/v1/workflows/fuzz/hello/1.0.0/x", "http://x.example/v1/instances", "/v1/instances#x", "/v1/instances?",
];
// biome-ignore format: pools
const HEADERS: readonly (readonly [string, string])[] = [
  ["Content-Type", "application/json; charset=latin1"], ["Content-Type", "text/plain"], ["Content-Type", "nonsense"],
  ["Content-Type", ""], ["Content-Type", "application/json;"], ["Content-Type", "application/xml"],
  ["Content-Type", "multipart/form-data; boundary=x"], ["Content-Encoding", "gzip"], ["Accept", "image/png"], ["Accept", ";;q=2,,"],
  ["Accept", "application/yaml;q=x"], ["Accept", ""], ["Host", "evil.example"], ["Host", ""], ["Origin", "https://evil.example"],
  ["Origin", "null"], ["Origin", "http://localhost:1"], ["Expect", "100-continue"], ["Expect", "nonsense"], ["Authorization", "Bearer x"],
  ["X-API-Key", ""], ["Transfer-Encoding", "gzip"], ["Transfer-Encoding", "chunked"], ["Content-Length", "-1"], ["Content-Length", "1e3"],
  ["Content-Length", "5"], ["Upgrade", "websocket"], ["Upgrade", "h2c"], ["Last-Event-ID", "-1"], ["Last-Event-ID", "9".repeat(30)],
  ["Last-Event-ID", "x"], ["Idempotency-Key", ""], ["Idempotency-Key", "\u00ff".repeat(255)], ["Idempotency-Key", "x".repeat(256)],
  ["X-Long", "x".repeat(20_000)], ["Cookie", "a=b"], ["X-HTTP-Method-Override", "DELETE"], ["Range", "bytes=0-1"], ["If-None-Match", "*"],
  ["Content-Digest", "sha-256=:AAAA:"], ["Content-Digest", "x"], ["Content-Range", "bytes 0-1/2"], ["Trailer", "Content-Digest"],
  ["ce-specversion", "1.0"], ["ce-id", "%00"], ["ce-id", "%E0%A4%A"], ["ce-source", "%ED%A0%80"], ["ce-data", "x"], ["ce-type", "\"\\"],
];
const BODIES: readonly string[] = [
  "",
  " ",
  "null",
  "[]",
  "{}",
  "1",
  '"x"',
  "{",
  '{"input":',
  '{"input":1e400}',
  '{"input":-0}',
  '{"input":"\\ud800"}',
  '{"input":"\\u0000"}',
  '{"\\u0000":1}',
  '{"input":"\0"}',
  "\ufeff{}",
  '{"input":1,"input":2}',
  '{"input":{"__proto__":1}}',
  '{"input":{"constructor":{"prototype":{}}}}',
  `{"input":${"[".repeat(255)}${"]".repeat(255)}}`,
  `{"input":${"[".repeat(30_000)}${"]".repeat(30_000)}}`,
  `{"input":${'{"a":'.repeat(5_000)}`,
  `{"input":"${"x".repeat(70_000)}"}`,
  `{"input":${"1".repeat(5_000)}}`,
  '{"message":"a"}',
  '{"message":"\\ud800"}',
  '{"message":"a","b":1}',
  '{"reason":"\\u0000"}',
  `{"reason":"${"x".repeat(1_025)}"}`,
  '{"version":"\\u0000"}',
  '{"version":"latest","input":null}',
];

/** One or two changes. */
export function damageRequest(request: Request, random: Random): Request {
  let changed = random.pick(CHANGES)(request, random);
  if (random.chance(0.3)) changed = random.pick(CHANGES)(changed, random);
  return changed;
}

const CHANGES: readonly Change[] = [
  (request, random) => ({ ...request, method: random.pick(METHODS) }),
  (request, random) => ({ ...request, target: random.pick(PATHS) }),
  segment,
  segment,
  query,
  query,
  header,
  header,
  body,
  body,
  body,
  (request, random) => ({
    ...request,
    framing: random.pick(["chunked", "none", 0, 1, 1_000_000, "length"] as const),
  }),
  (request, random) => ({ ...request, cut: random.below(400) }),
  (request, random) => ({
    ...request,
    flips: random.list(1 + random.below(3), () => [random.below(300), random.below(256)] as const),
  }),
];

function segment(request: Request, random: Random): Request {
  const [path = "", ...rest] = request.target.split("?");
  const segments = path.split("/");
  const at = 1 + random.below(segments.length);
  segments[at] = encode(oddString(random, 300));
  return { ...request, target: [segments.join("/"), ...rest].join("?") };
}

function query(request: Request, random: Random): Request {
  const names = ["limit", "cursor", "since", "until", "status", "version", "name", "wait", "after"];
  const name = random.chance(0.9) ? random.pick(names) : encode(oddString(random, 30));
  const value = random.chance(0.3)
    ? random.pick(["1e3", "-1", "0x1", "1.5", "9".repeat(25), "1e300", "NaN", "true", "[]", ""])
    : encode(oddString(random, 700));
  const join = request.target.includes("?") ? "&" : "?";
  return { ...request, target: `${request.target}${join}${name}=${value}` };
}

function header(request: Request, random: Random): Request {
  const added = random.chance(0.8)
    ? random.pick(HEADERS)
    : ([
        random.pick(["X-Odd", "Idempotency-Key", "ce-id"]),
        headerText(oddString(random)),
      ] as const);
  const [name] = added;
  // Twice the same header, now and then.
  const kept = random.chance(0.2)
    ? request.headers
    : request.headers.filter(([other]) => other.toLowerCase() !== name.toLowerCase());
  return { ...request, headers: [...kept, added] };
}

function body(request: Request, random: Random): Request {
  if (random.chance(0.5)) return { ...request, body: random.pick(BODIES) };
  const given = request.body ?? "{}";
  if (random.chance(0.3))
    return { ...request, body: given.slice(0, random.below(given.length + 1)) };
  const at = random.below(given.length + 1);
  const inserted = random.chance(0.5)
    ? String.fromCharCode(random.below(256))
    : character(random).slice(0, 1);
  return {
    ...request,
    body: given.slice(0, at) + inserted + given.slice(at),
    latin1: random.chance(0.5),
  };
}
