import { Calendars } from "./calendars.ts";
import { Channels, Webhooks } from "./endpoints.ts";
import { Events } from "./events.ts";
import { Functions } from "./functions.ts";
import { Instances } from "./instances.ts";
import { Messages } from "./messages.ts";
import { Payloads } from "./payloads.ts";
import { Schedules } from "./schedules.ts";
import { Secrets } from "./secrets.ts";
import { Transport, type TransportOptions } from "./transport.ts";
import { Workers } from "./workers.ts";
import { Workflows } from "./workflows.ts";

/** A Millrace server, seen from outside. */
export class MillraceClient {
  readonly workflows: Workflows;
  readonly functions: Functions;
  readonly instances: Instances;
  readonly schedules: Schedules;
  readonly calendars: Calendars;
  readonly events: Events;
  readonly messages: Messages;
  readonly payloads: Payloads;
  readonly secrets: Secrets;
  readonly webhooks: Webhooks;
  readonly channels: Channels;
  /** Who the workers are, and what a {@link Worker} is made of. */
  readonly workers: Workers;

  /** @throws {TypeError} when `url` is none */
  constructor(options: TransportOptions) {
    const transport = new Transport(options);
    this.workflows = new Workflows(transport);
    this.functions = new Functions(transport);
    this.instances = new Instances(transport);
    this.schedules = new Schedules(transport);
    this.calendars = new Calendars(transport);
    this.events = new Events(transport);
    this.messages = new Messages(transport);
    this.payloads = new Payloads(transport);
    this.secrets = new Secrets(transport);
    this.webhooks = new Webhooks(transport);
    this.channels = new Channels(transport);
    this.workers = new Workers(transport);
  }
}
