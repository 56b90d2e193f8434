/**
 * `node plain-server.ts map|postgres [DATABASE-URL]`: what one would write in an hour. The same routes and answers as ours, on
 * Fastify; messages in a Map, or in a table with one statement for each request. Says its port over the channel and ends with it.
 */
import { hash } from "node:crypto";
import type { AddressInfo } from "node:net";
import Fastify from "fastify";
import pg from "pg";

interface Store {
  /** @returns true when it is new */
  put(digest: string, message: string): Promise<boolean> | boolean;
  get(digest: string): Promise<string | undefined> | string | undefined;
  /** @returns true when it was there */
  delete(digest: string): Promise<boolean> | boolean;
}

function mapStore(): Store {
  const messages = new Map<string, string>();
  return {
    put(digest, message) {
      const isNew = !messages.has(digest);
      messages.set(digest, message);
      return isNew;
    },
    get: (digest) => messages.get(digest),
    delete: (digest) => messages.delete(digest),
  };
}

async function postgresStore(connectionString: string | undefined): Promise<Store> {
  const pool = new pg.Pool({ connectionString, max: 20 });
  await pool.query("CREATE TABLE messages (digest text PRIMARY KEY, message text NOT NULL)");
  const run = (name: string, text: string, values: string[]): Promise<pg.QueryResult> =>
    pool.query({ name, text, values });
  const PUT = "INSERT INTO messages VALUES ($1, $2) ON CONFLICT DO NOTHING";
  return {
    put: async (digest, message) => (await run("put", PUT, [digest, message])).rowCount === 1,
    async get(digest) {
      const { rows } = await run("get", "SELECT message FROM messages WHERE digest = $1", [digest]);
      return (rows[0] as { readonly message: string } | undefined)?.message;
    },
    delete: async (digest) =>
      (await run("delete", "DELETE FROM messages WHERE digest = $1", [digest])).rowCount === 1,
  };
}

const [kind, url] = process.argv.slice(2);
const store = kind === "postgres" ? await postgresStore(url) : mapStore();
const app = Fastify();
const text = { type: "string" } as const;
const digests = { type: "object", properties: { digest: text } } as const;
const messages = {
  type: "object",
  required: ["message"],
  properties: { message: text },
} as const;

app.post(
  "/messages",
  { schema: { body: messages, response: { "2xx": digests } } },
  async (request, reply) => {
    const { message } = request.body as { readonly message: string };
    const digest = hash("sha256", message);
    reply.code((await store.put(digest, message)) ? 201 : 200);
    return { digest };
  },
);
app.get(
  "/messages/:digest",
  { schema: { response: { "2xx": messages } } },
  async (request, reply) => {
    const message = await store.get((request.params as { readonly digest: string }).digest);
    if (message === undefined) return reply.code(404).send({ title: "not found" });
    return { message };
  },
);
app.delete(
  "/messages/:digest",
  { schema: { response: { "2xx": digests } } },
  async (request, reply) => {
    const { digest } = request.params as { readonly digest: string };
    if (!(await store.delete(digest))) return reply.code(404).send({ title: "not found" });
    return { digest };
  },
);
await app.listen({ port: 0, host: "127.0.0.1" });
process.once("disconnect", () => process.exit(0));
process.send?.((app.server.address() as AddressInfo).port);
