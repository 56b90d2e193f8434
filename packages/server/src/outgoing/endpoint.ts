/** Endpoints as the server holds them: webhooks and channels, with how their circuit stands. */
import type { EventFilter, EventMode, Json } from "@millrace/protocol";

export type EndpointKind = "webhook" | "channel";

/** Milliseconds. */
export interface Retry {
  readonly minDelay: number;
  readonly maxDelay: number;
  readonly giveUpAfter: number;
}
export const DEFAULT_RETRY: Retry = {
  minDelay: 5_000,
  maxDelay: 3_600_000,
  giveUpAfter: 86_400_000,
};

interface CommonSettings {
  readonly mode: EventMode;
  readonly paused: boolean;
  readonly retry: Retry;
}
export interface WebhookSettings extends CommonSettings {
  readonly kind: "webhook";
  readonly url: string;
  readonly filter: EventFilter;
  /** Names of the header fields; their values are sealed. */
  readonly headers: readonly string[];
}
export interface ChannelSettings extends CommonSettings {
  readonly kind: "channel";
  readonly direction: "in" | "out";
  readonly broker: string;
  readonly address: string;
  /** Of a channel out. */
  readonly filter?: EventFilter;
  readonly wrap?: { readonly type: string; readonly source?: string };
  readonly bindings: Readonly<Record<string, Json>>;
  /** True when some are sealed. */
  readonly credentials: boolean;
}
export type EndpointSettings = WebhookSettings | ChannelSettings;

/** How often in a row an endpoint has not taken what it was given. Instants are epoch milliseconds. */
export interface Circuit {
  /** 0: it works. */
  readonly failures: number;
  readonly failingSince?: number;
  /** Nothing is sent before; then one event, to see. */
  readonly openUntil?: number;
  readonly lastError?: string;
}
export const CLOSED: Circuit = { failures: 0 };

export interface Endpoint {
  readonly id: string;
  readonly partition: number;
  readonly tenant: string;
  readonly name: string;
  readonly settings: EndpointSettings;
  /** One more at each change by a user. */
  readonly version: number;
  /** Why the server turned it off. */
  readonly disabled?: string;
  readonly circuit: Circuit;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** The filter of an endpoint that events leave by; undefined for one that events only come from. */
export function filterOf({ settings, disabled }: Endpoint): EventFilter | undefined {
  if (disabled !== undefined) return undefined;
  if (settings.kind === "channel" && settings.direction === "in") return undefined;
  return settings.filter;
}
