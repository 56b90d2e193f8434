/** Webhooks as a resource: what users may set, what is kept of it, what is shown. */
import type {
  Issue,
  NewWebhook,
  Webhook,
  WebhookChange,
  WebhookTested,
  WebhookWithSecret,
} from "@millrace/protocol";
import { randomUUID } from "node:crypto";
import { DEFAULT_RETRY, type Endpoint, type WebhookSettings } from "../endpoint.ts";
import type { EndpointName } from "../endpoint-store.ts";
import { type Changed, type Endpoints, refuse } from "../endpoints.ts";
import type { Sender } from "../delivery/sender.ts";
import { retryOf, retryView } from "../retry.ts";
import type { SealedWebhook } from "../sealed.ts";
import { commonView } from "../view.ts";
import { newSecret } from "./signature.ts";

/** Milliseconds for which a replaced secret signs too. */
const OVERLAP = 86_400_000;
/** Secrets that sign at the same time. */
const MOST_SECRETS = 5;
const RESERVED =
  /^(?:ce-.*|webhook-.*|content-.*|host|connection|transfer-encoding|te|upgrade|expect|trailer|keep-alive)$/i;

const nameOf = (tenant: string, name: string): EndpointName => ({ tenant, kind: "webhook", name });

/** @throws {ProblemError} `webhook-invalid`, `webhook-conflict` @throws {VaultError} */
export async function createWebhook(
  endpoints: Endpoints,
  tenant: string,
  given: NewWebhook,
): Promise<WebhookWithSecret> {
  const issues: Issue[] = [];
  const { name, url, filter, mode = "structured", headers = {}, paused = false } = given;
  const secret = given.secret ?? newSecret();
  const settings: WebhookSettings = {
    kind: "webhook",
    url: checkedUrl(url, issues),
    filter,
    mode,
    paused,
    headers: checkedHeaders(headers, issues),
    retry: retryOf(given.retry, DEFAULT_RETRY, issues),
  };
  refuse("webhook", issues);
  const sealed: SealedWebhook = { secrets: [{ secret }], headers };
  const endpoint = await endpoints.create(nameOf(tenant, name), settings, sealed);
  return { ...webhookView(endpoint), secret };
}

/** @throws {ProblemError} `webhook-invalid`, `webhook-not-found` @throws {VaultError} */
export async function changeWebhook(
  endpoints: Endpoints,
  tenant: string,
  name: string,
  change: WebhookChange,
): Promise<WebhookWithSecret> {
  const secret = change.rotateSecret === true ? newSecret() : change.secret;
  const endpoint = await endpoints.update(nameOf(tenant, name), (before) =>
    changed(endpoints, before, change, secret),
  );
  return { ...webhookView(endpoint), ...(secret === undefined ? {} : { secret }) };
}

async function changed(
  endpoints: Endpoints,
  endpoint: Endpoint,
  change: WebhookChange,
  secret: string | undefined,
): Promise<Changed<WebhookSettings>> {
  const before = settingsOf(endpoint);
  const { url, filter, mode, headers, paused } = change;
  const issues: Issue[] = [];
  if (change.rotateSecret === true && change.secret !== undefined)
    issues.push({ path: "rotateSecret", message: "not together with secret" });
  const settings: WebhookSettings = {
    kind: "webhook",
    url: url === undefined ? before.url : checkedUrl(url, issues),
    filter: filter ?? before.filter,
    mode: mode ?? before.mode,
    paused: paused ?? before.paused,
    headers: headers === undefined ? before.headers : checkedHeaders(headers, issues),
    retry: retryOf(change.retry, before.retry, issues),
  };
  refuse("webhook", issues);
  const enable = paused === false;
  if (secret === undefined && headers === undefined) return { settings, enable };
  const kept = await endpoints.sealed.webhook(endpoint);
  const secrets = secret === undefined ? kept.secrets : rotated(kept, secret, endpoints.now());
  return { settings, enable, sealed: { secrets, headers: headers ?? kept.headers } };
}

/** The new one first; those before it sign for a while, so that receivers have time to learn it. */
function rotated(
  { secrets }: SealedWebhook,
  secret: string,
  now: number,
): SealedWebhook["secrets"] {
  const before = secrets
    .filter((one) => one.secret !== secret && (one.until ?? Infinity) > now)
    .map((one) => ({ secret: one.secret, until: one.until ?? now + OVERLAP }));
  return [{ secret }, ...before].slice(0, MOST_SECRETS);
}

function checkedUrl(text: string, issues: Issue[]): string {
  const path = "url";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    issues.push({ path, message: "is no absolute http or https URL" });
    return text;
  }
  if (url.username !== "" || url.password !== "")
    issues.push({ path, message: "must hold no user or password; set a header for that" });
  url.hash = "";
  return url.href;
}

function checkedHeaders(headers: Readonly<Record<string, string>>, issues: Issue[]) {
  const names = Object.keys(headers);
  for (const name of names)
    if (RESERVED.test(name))
      issues.push({ path: `headers.${name}`, message: "is set by Millrace" });
  return names;
}

function settingsOf({ settings, name }: Endpoint): WebhookSettings {
  if (settings.kind !== "webhook") throw new Error(`${name} is no webhook`);
  return settings;
}

export function webhookView(endpoint: Endpoint): Webhook {
  const { url, filter, mode, headers, paused, retry } = settingsOf(endpoint);
  return {
    name: endpoint.name,
    url,
    filter,
    mode,
    headers: [...headers],
    paused,
    retry: retryView(retry),
    ...commonView(endpoint),
  };
}

/** Sends an event of type `io.millrace.webhook.test.v1` now, whatever waits. @throws {ProblemError} `webhook-not-found` */
export async function testWebhook(
  endpoints: Endpoints,
  sender: Sender,
  tenant: string,
  name: string,
  signal: AbortSignal,
): Promise<WebhookTested> {
  const endpoint = await endpoints.get(nameOf(tenant, name));
  const event = JSON.stringify({
    specversion: "1.0",
    id: randomUUID(),
    source: `/millrace/webhooks/${name}`,
    type: "io.millrace.webhook.test.v1",
    time: new Date(endpoints.now()).toISOString(),
    datacontenttype: "application/json",
    data: { webhook: name },
  });
  const began = performance.now();
  const sent = await sender.send(endpoint, { event, key: "test" }, signal);
  const durationMs = Math.round((performance.now() - began) * 10) / 10;
  const status = sent.status === undefined ? {} : { status: sent.status };
  if (sent.kind === "delivered") return { delivered: true, ...status, durationMs };
  return { delivered: false, ...status, error: sent.error, durationMs };
}
