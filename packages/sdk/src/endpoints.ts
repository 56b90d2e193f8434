import type {
  Channel,
  ChannelChange,
  ChannelList,
  Delivery,
  DeliveryList,
  NewChannel,
  NewWebhook,
  Replayed,
  Webhook,
  WebhookChange,
  WebhookList,
  WebhookTested,
  WebhookWithSecret,
} from "@millrace/protocol";
import { everyRow } from "./pages.ts";
import type { Transport } from "./transport.ts";

export interface EndpointFilter {
  /** Rows in a page, 1 … 500. */
  readonly limit?: number;
}
export interface DeliveryFilter extends EndpointFilter {
  /** `dead` unless given. */
  readonly state?: "waiting" | "dead";
}
type Paged<F> = F & { readonly cursor?: string };

interface Shapes {
  readonly one: object;
  readonly list: { readonly items: readonly object[]; readonly nextCursor?: string };
}

/** What webhooks and channels have in common. */
abstract class Endpoints<S extends Shapes> {
  protected readonly transport: Transport;
  readonly #path: string;
  constructor(transport: Transport, path: string) {
    this.transport = transport;
    this.#path = path;
  }

  get(name: string): Promise<S["one"]> {
    return this.transport.json({ method: "GET", path: this.pathOf(name) });
  }

  /** Every one by name. */
  list(filter: EndpointFilter = {}): AsyncGenerator<S["list"]["items"][number], void, undefined> {
    return everyRow((cursor) =>
      this.listPage({ ...filter, ...(cursor === undefined ? {} : { cursor }) }),
    );
  }

  listPage(filter: Paged<EndpointFilter> = {}): Promise<S["list"]> {
    return this.transport.json({ method: "GET", path: this.#path, query: { ...filter } });
  }

  /** With everything that is on its way to it. */
  async delete(name: string): Promise<void> {
    await this.transport.delete(this.pathOf(name));
  }

  /** Dead letters, or what is on its way; the oldest first. */
  deliveries(name: string, filter: DeliveryFilter = {}): AsyncGenerator<Delivery, void, undefined> {
    return everyRow((cursor) =>
      this.deliveriesPage(name, { ...filter, ...(cursor === undefined ? {} : { cursor }) }),
    );
  }

  deliveriesPage(name: string, filter: Paged<DeliveryFilter> = {}): Promise<DeliveryList> {
    const path = `${this.pathOf(name)}/deliveries`;
    return this.transport.json({ method: "GET", path, query: { ...filter } });
  }

  /** Queues dead letters again: those of these ids, or all. */
  replay(name: string, ids?: readonly string[]): Promise<Replayed> {
    return this.write("POST", `${this.pathOf(name)}/replay`, ids === undefined ? {} : { ids });
  }

  protected pathOf(name: string): string {
    return `${this.#path}/${encodeURIComponent(name)}`;
  }

  protected write<T>(method: "POST" | "PATCH", path: string, body: object): Promise<T> {
    const headers = { "content-type": "application/json" };
    return this.transport.json({ method, path, headers, body: JSON.stringify(body) });
  }
}

/** `/v1/webhooks`. Methods reject with a {@link MillraceError}. */
export class Webhooks extends Endpoints<{ one: Webhook; list: WebhookList }> {
  constructor(transport: Transport) {
    super(transport, "/v1/webhooks");
  }

  /** The answer holds the secret, this once. */
  create(webhook: NewWebhook): Promise<WebhookWithSecret> {
    return this.write("POST", "/v1/webhooks", webhook);
  }

  /** What is not given stays. The answer holds the secret when it is new. */
  update(name: string, change: WebhookChange): Promise<WebhookWithSecret> {
    return this.write("PATCH", this.pathOf(name), change);
  }

  /** Sends a test event now and says what the receiver made of it. */
  test(name: string): Promise<WebhookTested> {
    return this.write("POST", `${this.pathOf(name)}/test`, {});
  }
}

/** `/v1/channels`. Methods reject with a {@link MillraceError}. */
export class Channels extends Endpoints<{ one: Channel; list: ChannelList }> {
  constructor(transport: Transport) {
    super(transport, "/v1/channels");
  }

  create(channel: NewChannel): Promise<Channel> {
    return this.write("POST", "/v1/channels", channel);
  }

  /** What is not given stays. */
  update(name: string, change: ChannelChange): Promise<Channel> {
    return this.write("PATCH", this.pathOf(name), change);
  }
}
