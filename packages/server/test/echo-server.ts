/** A server that repeats all it is told, in every way one may write it down: what a careless, or curious, counterpart does. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

export interface EchoServer {
  readonly origin: string;
  /** Everything that arrived: request lines, headers and bodies. */
  readonly heard: string[];
  close(): Promise<void>;
}

/**
 * `/echo` answers with JSON, `/text` with text, `/page` with an error page and its status line, `/away` with a redirect that
 * cannot be followed, `/on` with one to `/echo`, `/oauth2/token` with the token.
 */
export async function startEchoServer(
  words: readonly string[],
  token: string,
): Promise<EchoServer> {
  const heard: string[] = [];
  const hear = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    heard.push(`${request.method} ${request.url}`, JSON.stringify(request.headers), body);
    answer(request, response, body, toldIn(request, body, words), token);
  };
  const server = createServer((request, response) => void hear(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    heard,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The words that this request holds, in one of the ways that clients write them. */
function toldIn(
  { url = "", headers }: IncomingMessage,
  body: string,
  words: readonly string[],
): readonly string[] {
  const { authorization = "" } = headers;
  const basic = Buffer.from(authorization.replace(/^Basic /, ""), "base64").toString("utf8");
  const told = [
    decodeURIComponent(url),
    authorization,
    basic,
    JSON.stringify(headers),
    body,
  ].join();
  return words.filter((word) =>
    [word, JSON.stringify(word).slice(1, -1)].some((w) => told.includes(w)),
  );
}

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
  words: readonly string[],
  token: string,
): void {
  const path = (request.url ?? "").split("?")[0] ?? "";
  const told = { url: request.url, headers: request.headers, body, words: words.map(written) };
  const header = words.map((word) => encodeURIComponent(word)).join(" ");
  response.setHeader("x-echo", `${header} ${request.headers.authorization ?? ""}`);
  if (path.endsWith("/oauth2/token")) {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ access_token: token, token_type: "Bearer" }));
  } else if (path.startsWith("/text")) {
    response.setHeader("content-type", "text/html");
    response.end(`${words.join("\n")}\n${words.map(html).join("\n")}\n${JSON.stringify(told)}`);
  } else if (path.startsWith("/page")) {
    response.writeHead(500, header, { "content-type": "text/plain" });
    response.end(JSON.stringify(told));
  } else if (path.startsWith("/broken")) {
    response.setHeader("content-type", "application/json");
    response.end(`{"words": ${words.join()}`);
  } else if (path.startsWith("/away")) {
    response.writeHead(302, { location: `http://127.0.0.1:1/?q=${header.replaceAll(" ", "+")}` });
    response.end();
  } else if (path.startsWith("/on")) {
    response.writeHead(302, { location: `/echo?q=${header.replaceAll(" ", "+")}` });
    response.end();
  } else {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(told));
  }
}

/** A word in every encoding, alone and inside something longer. */
export function written(word: string): readonly string[] {
  const bytes = Buffer.from(word, "utf8");
  const within = Buffer.from(`user:${word}!`, "utf8");
  return [
    word,
    `a ${word} b`,
    encodeURIComponent(word),
    new URLSearchParams({ v: word }).toString(),
    encodeURIComponent(encodeURIComponent(word)),
    JSON.stringify(word),
    JSON.stringify(JSON.stringify(word)),
    html(word),
    bytes.toString("base64"),
    bytes.toString("base64url"),
    encodeURIComponent(bytes.toString("base64")),
    within.toString("base64"),
    within.toString("base64url"),
    Buffer.from(bytes.toString("base64")).toString("base64"),
    Buffer.from(encodeURIComponent(word)).toString("base64"),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
  ];
}

/** As a template engine would put it into a page. */
export function html(word: string): string {
  return word.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
