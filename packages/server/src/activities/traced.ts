/** The trace context of an activity goes along with what it sends (W3C Trace Context), unless the author gave one. */
import type { ActivityRequest } from "./executor.ts";
import type { OutgoingRequest } from "./http/message.ts";
import type { CallServices } from "./services.ts";

/** Names and values, in lower case; empty when there is no trace. */
export function traceHeaders({
  trace,
}: Pick<ActivityRequest, "trace">): readonly (readonly [name: string, value: string])[] {
  if (trace === undefined) return [];
  const { traceparent, tracestate } = trace;
  const parent = ["traceparent", traceparent] as const;
  return tracestate === undefined ? [parent] : [parent, ["tracestate", tracestate]];
}

/**
 * The services with an HTTP transport that sends the context along: with the call's own requests, whatever speaks HTTP, and
 * not with those for tokens and documents, which many calls share.
 */
export function tracedServices(services: CallServices, request: ActivityRequest): CallServices {
  const headers = traceHeaders(request);
  if (headers.length === 0) return services;
  const { transport } = services;
  const traced = (outgoing: OutgoingRequest): OutgoingRequest =>
    Object.hasOwn(outgoing.headers, "traceparent")
      ? outgoing
      : { ...outgoing, headers: { ...outgoing.headers, ...Object.fromEntries(headers) } };
  return {
    ...services,
    transport: {
      limits: transport.limits,
      send: (outgoing, signal) => transport.send(traced(outgoing), signal),
      open: (outgoing, signal, maxBytes) => transport.open(traced(outgoing), signal, maxBytes),
    },
  };
}
