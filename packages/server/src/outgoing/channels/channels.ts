/** Channels as a resource: what users may set, what is kept of it, what is shown. */
import type { Channel, ChannelChange, Issue, NewChannel } from "@millrace/protocol";
import { type ChannelSettings, DEFAULT_RETRY, type Endpoint } from "../endpoint.ts";
import type { EndpointName } from "../endpoint-store.ts";
import { type Endpoints, refuse } from "../endpoints.ts";
import { retryOf, retryView } from "../retry.ts";
import { commonView } from "../view.ts";
import { carriesHeaders, placeOf } from "./place.ts";

const nameOf = (tenant: string, name: string): EndpointName => ({ tenant, kind: "channel", name });

/** @throws {ProblemError} `channel-invalid`, `channel-conflict` @throws {VaultError} */
export async function createChannel(
  endpoints: Endpoints,
  tenant: string,
  given: NewChannel,
): Promise<Channel> {
  const { name, direction, broker, address, filter, wrap, credentials } = given;
  const { mode = "structured", bindings = {}, paused = false } = given;
  const issues: Issue[] = [];
  const settings: ChannelSettings = {
    kind: "channel",
    direction,
    broker,
    address,
    mode,
    bindings,
    paused,
    ...(filter === undefined ? {} : { filter }),
    ...(wrap === undefined ? {} : { wrap }),
    credentials: credentials !== undefined,
    retry: retryOf(given.retry, DEFAULT_RETRY, issues),
  };
  check(settings, credentials, issues);
  const sealed = credentials && { credentials };
  return channelView(await endpoints.create(nameOf(tenant, name), settings, sealed));
}

/** @throws {ProblemError} `channel-invalid`, `channel-not-found` @throws {VaultError} */
export async function changeChannel(
  endpoints: Endpoints,
  tenant: string,
  name: string,
  change: ChannelChange,
): Promise<Channel> {
  const { retry, credentials, ...others } = change;
  const endpoint = await endpoints.update(nameOf(tenant, name), async (found) => {
    const before = settingsOf(found);
    const issues: Issue[] = [];
    const settings: ChannelSettings = {
      ...before,
      ...others,
      credentials: before.credentials || credentials !== undefined,
      retry: retryOf(retry, before.retry, issues),
    };
    check(settings, credentials, issues);
    const enable = change.paused === false;
    return credentials === undefined
      ? { settings, enable }
      : { settings, enable, sealed: { credentials } };
  });
  return channelView(endpoint);
}

function check(
  { direction, broker, mode, bindings, filter, wrap }: ChannelSettings,
  credentials: NewChannel["credentials"],
  issues: Issue[],
): void {
  const say = (path: string, message: string): void => void issues.push({ path, message });
  const place = placeOf(broker);
  if (typeof place === "string") say("broker", place);
  else if (direction === "out" && mode === "binary" && !carriesHeaders(place, bindings))
    say("mode", "binary mode needs headers, which this protocol does not carry");
  if (direction === "out" && filter === undefined)
    say("filter", "required: which events go out, such as { types: [com.shop.*] }");
  if (direction === "out" && wrap !== undefined) say("wrap", "only for direction in");
  if (direction === "in" && filter !== undefined) say("filter", "only for direction out");
  if (credentials?.token !== undefined && credentials.username !== undefined)
    say("credentials", "a user or a token, not both");
  refuse("channel", issues);
}

function settingsOf({ settings, name }: Endpoint): ChannelSettings {
  if (settings.kind !== "channel") throw new Error(`${name} is no channel`);
  return settings;
}

export function channelView(endpoint: Endpoint): Channel {
  const { kind: _, retry, ...settings } = settingsOf(endpoint);
  const { bindings, ...shown } = settings;
  return {
    name: endpoint.name,
    ...shown,
    bindings: { ...bindings },
    retry: retryView(retry),
    ...commonView(endpoint),
  };
}
