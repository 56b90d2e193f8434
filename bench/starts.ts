/** Durable starts per second of a workflow with one `set` task, in process, on a real PostgreSQL. `node bench/starts.ts [n]` */
import { loadConfig, silentLogger, startServer } from "@millrace/server";
import { createDatabase, startTestServer, stopTestServer } from "@millrace/testkit";

const total = Number(process.argv[2] ?? 20_000);
await startTestServer();
const database = await createDatabase();
const config = loadConfig({}, { databaseUrl: database.url, port: 0, exclusive: true });
const server = await startServer(config, { log: silentLogger });
const { runtime } = server;
const text = `
document: { dsl: '1.0.3', namespace: bench, name: hello, version: '1.0.0' }
do: [ { greet: { set: { message: '\${ "Hello " + .name }' } } } ]
`;
await runtime.applyWorkflow({ text });
let started = 0;
const began = performance.now();
const worker = async (): Promise<void> => {
  while (started < total) {
    started += 1;
    await runtime.startInstance({ namespace: "bench", name: "hello", input: { name: "Ada" } });
  }
};
await Promise.all(Array.from({ length: 1000 }, worker));
const seconds = (performance.now() - began) / 1000;
const { counters, latencies } = runtime.stats();
const { count, sum } = latencies.commitMs;
console.log(
  `${Math.round(total / seconds)} starts/s, ${counters.commits} commits of ${(sum / count).toFixed(1)} ms`,
);
await server.stop();
await database.drop();
await stopTestServer();
