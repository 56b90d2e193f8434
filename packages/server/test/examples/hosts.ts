/** Counterparts of the hosts that the examples call over HTTP. */
import type { JsonObject } from "@millrace/language";
import { PETSTORE_DOCUMENT } from "@millrace/testkit/http";
import type { Host } from "./stand.ts";

/** The part of the Petstore that the examples use; a pet exists when its id is below 100. */
export function petstore(
  authorized: (authorization: string | undefined) => Promise<boolean>,
): Host {
  return async ({ method, target, headers, body }) => {
    const url = new URL(target, "http://petstore");
    if (url.pathname === "/v2/swagger.json") return { body: PETSTORE_DOCUMENT };
    if (!(await authorized(headers["authorization"]))) return { status: 401 };
    if (url.pathname === "/v2/pet/findByStatus") {
      const status = url.searchParams.get("status");
      return { body: [{ id: 1, name: "Rex", status }] };
    }
    // What the Petstore calls updatePet: the pet's id is in the body.
    if (method === "PUT" && url.pathname === "/v2/pet/")
      return { body: JSON.parse(body.toString()) };
    const id = Number(/^\/v2\/pet\/(\d+)$/.exec(url.pathname)?.[1] ?? Number.NaN);
    if (!(id < 100)) return { status: 404, body: { message: "Pet not found" } };
    const sent = method === "PUT" ? (JSON.parse(body.toString()) as JsonObject) : {};
    return { body: { id, name: "Rex", ...sent } };
  };
}

/** Star Wars: people by id and search, whose list has moved once. */
export const swapi: Host = ({ target }) => {
  const url = new URL(target, "https://swapi.dev");
  const luke = { name: "Luke Skywalker", homeworld: "https://swapi.dev/api/planets/1/" };
  if (url.pathname === "/api/people/" && url.searchParams.get("search") === "moved")
    return { status: 301, headers: { location: "/api/people/?search=luke" } };
  if (url.pathname === "/api/people/")
    return { body: { results: url.searchParams.get("search") === "luke" ? [luke] : [] } };
  if (url.pathname === "/api/people/1") return { body: luke };
  if (url.pathname === "/api/planets/1/") return { body: { name: "Tatooine" } };
  return { status: 404 };
};

/** A function of the kind the example calls: it takes what the official `log` takes and gives the formatted line. */
export const rawContent: Host = ({ target }) =>
  target === "/serverlessworkflow/catalog/main/functions/log/1.0.0/function.yaml"
    ? {
        body: `input: { schema: { document: { type: object, required: [message], properties: { message: { type: string } } } } }
output: { schema: { document: { type: string } } }
run:
  script:
    language: js
    arguments: [ "\${ .message }", "\${ .level }", "\${ .format }" ]
    code: |
      const [, , message, level, format] = process.argv;
      process.stdout.write(
        format.replace("{TIMESTAMP} ", "").replace("{LEVEL}", level).replace(" ({CONTEXT})", "").replace("{MESSAGE}", message),
      );
`,
      }
    : { status: 404 };

/** The document of the AsyncAPI example, and the HTTP server its \`staging\` stands for. */
export const fake: Host = ({ target, headers, body }) => {
  if (target === "/docs/asyncapi.json")
    return {
      body: {
        asyncapi: "3.0.0",
        info: { title: "Pets", version: "1.0.0" },
        servers: { staging: { host: "fake.com", protocol: "https" } },
        channels: {
          pets: { address: "/pets", messages: { pet: { payload: { type: "object" } } } },
        },
        operations: {
          findPetsByStatus: { action: "receive", channel: { $ref: "#/channels/pets" } },
        },
      },
    };
  if (target === "/pets")
    return headers["authorization"] === "Bearer t0ken" && body.length > 0
      ? { status: 202 }
      : { status: 401 };
  return { body: { sample: true } };
};
