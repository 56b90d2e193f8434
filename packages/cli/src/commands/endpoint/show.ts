/** `millrace webhook|channel list|get|delete|deliveries|replay`, and `millrace webhook test`. */
import type { Channel, Delivery, Webhook } from "@millrace/sdk";
import type { Format } from "../../arguments.ts";
import { type ClientOptions, connect } from "../../client.ts";
import { EXIT } from "../../exit.ts";
import { complain, instant, print, printJson, table } from "../../output.ts";

export type Kind = "webhook" | "channel";
interface Options extends ClientOptions {
  readonly output: Format;
}

function endpoints(kind: Kind, options: ClientOptions) {
  const { webhooks, channels } = connect(options);
  return kind === "webhook" ? webhooks : channels;
}

export async function listEndpoints(kind: Kind, options: Options): Promise<void> {
  const rows: (Webhook | Channel)[] = [];
  for await (const row of endpoints(kind, options).list({ limit: 500 })) rows.push(row);
  if (options.output === "json") return printJson(rows);
  const cells = rows.map((row) => [
    row.name,
    standing(row),
    "url" in row ? row.url : `${row.direction} ${row.broker} ${row.address}`,
    row.filter?.types.join(" ") ?? "-",
  ]);
  print(
    table(["name", "status", kind === "webhook" ? "to" : "where", "types"], cells, `no ${kind}s`),
  );
}

function standing({ disabled, paused, failing }: Webhook | Channel): string {
  if (disabled !== undefined) return "off";
  if (paused) return "paused";
  return failing === undefined ? "works" : "failing";
}

export async function getEndpoint(kind: Kind, name: string, options: Options): Promise<void> {
  printJson(await endpoints(kind, options).get(name));
}

export async function deleteEndpoints(
  kind: Kind,
  names: readonly string[],
  options: ClientOptions,
): Promise<void> {
  const all = endpoints(kind, options);
  for (const name of names) {
    await all.delete(name);
    complain(`${name}: deleted`);
  }
}

export async function listDeliveries(
  kind: Kind,
  name: string,
  options: Options & { readonly state: "waiting" | "dead"; readonly limit: number },
): Promise<void> {
  const { state, limit } = options;
  const rows: Delivery[] = [];
  const page = Math.min(Math.max(limit, 1), 500);
  for await (const row of endpoints(kind, options).deliveries(name, { state, limit: page })) {
    if (rows.length >= limit) break;
    rows.push(row);
  }
  if (options.output === "json") return printJson(rows);
  const cells = rows.map(({ id, event, attempts, queuedAt, error }) => [
    id,
    event.type,
    event.subject ?? "-",
    String(attempts),
    instant(queuedAt),
    error ?? "-",
  ]);
  const none = state === "dead" ? "no dead letters" : "nothing is on its way";
  print(table(["id", "type", "subject", "tries", "queued", "error"], cells, none));
}

export async function replay(
  kind: Kind,
  name: string,
  ids: readonly string[],
  options: ClientOptions,
): Promise<void> {
  const all = endpoints(kind, options);
  const { replayed } = await all.replay(name, ids.length === 0 ? undefined : ids);
  complain(`${name}: ${replayed} on their way again`);
}

/** @returns the exit code */
export async function testWebhook(name: string, options: Options): Promise<number> {
  const tested = await connect(options).webhooks.test(name);
  const { delivered, status, error, durationMs } = tested;
  if (options.output === "json") printJson(tested);
  else if (delivered) print(`${name}: answered ${status} after ${durationMs} ms`);
  else complain(`${name}: ${error ?? "not delivered"}`);
  return delivered ? EXIT.ok : EXIT.failed;
}
