/**
 * Makes spans of what was committed and of activities carried out. It keeps nothing between two commits: ids follow from the
 * instance (ids.ts), and when a task began is in the state that was there before.
 */
import type { TraceContext } from "@millrace/engine";
import type { ActivityExecutor, ActivityRequest } from "../../activities/executor.ts";
import type { Clock } from "../../clock.ts";
import type { Committed, FactListener, Tracing } from "../../owner/facts.ts";
import { currentSpan, type LogSpan } from "./correlation.ts";
import {
  attemptSpanId,
  callerOf,
  instanceSpanId,
  taskSpanId,
  type TracedInstance,
  traceIdOf,
} from "./ids.ts";
import type { Sampler } from "./sampler.ts";
import { attemptSpan, countSpans, type SpanData, spansOf, type Trace } from "./spans.ts";
import { formatTraceparent } from "./trace-context.ts";

export interface SpanSink {
  /** True when there is no room: then no span is made. */
  readonly full: boolean;
  /** Counts what was not made. */
  drop(spans: number): void;
  offer(span: SpanData): void;
}

export interface TracerConfig {
  readonly sampler: Sampler;
  readonly sink: SpanSink;
  readonly clock: Pick<Clock, "now">;
}

export class Tracer implements Tracing {
  readonly #sampler: Sampler;
  readonly #sink: SpanSink;
  readonly #clock: Pick<Clock, "now">;

  constructor({ sampler, sink, clock }: TracerConfig) {
    this.#sampler = sampler;
    this.#sink = sink;
    this.#clock = clock;
  }

  contextOf(state: TracedInstance, occurrence: string): TraceContext {
    return this.#context(this.#traceOf(state), taskSpanId(state.id, occurrence));
  }

  fieldsOf(state: TracedInstance): LogSpan {
    return { trace_id: this.#traceOf(state).traceId, span_id: instanceSpanId(state.id) };
  }

  readonly onFacts: FactListener = (committed: Committed) => {
    const trace = this.#traceOf(committed.state);
    if (!trace.sampled) return;
    if (this.#sink.full) return this.#sink.drop(countSpans(committed));
    for (const span of spansOf(committed, trace)) this.#sink.offer(span);
  };

  /** Each execution is a span, and what it calls gets its id. */
  traced(executor: ActivityExecutor): ActivityExecutor {
    return {
      execute: async (request, signal, feed) => {
        const trace = this.#traceOf({ id: request.instanceId, ...traceIn(request) });
        const { instanceId, activityId, attempt } = request;
        const spanId = attemptSpanId(instanceId, activityId, attempt);
        const began = this.#clock.now();
        const mine = { ...request, trace: this.#context(trace, spanId) };
        const fields = { trace_id: trace.traceId, span_id: spanId };
        let outcome: "completed" | "failed" = "failed";
        let error: string | undefined;
        try {
          const run = () => executor.execute(mine, signal, feed);
          const result = await currentSpan.run(fields, run);
          if ("output" in result) outcome = "completed";
          else error = result.error.type;
          return result;
        } finally {
          const ended = { began, ended: this.#clock.now(), error };
          const how = signal.aborted ? "cancelled" : outcome;
          if (trace.sampled)
            this.#sink.offer(attemptSpan(request, trace, spanId, { ...ended, outcome: how }));
        }
      },
    };
  }

  #traceOf(instance: TracedInstance): Trace {
    const caller = callerOf(instance);
    const traceId = caller?.traceId ?? traceIdOf(instance.id);
    const tracestate = instance.trace?.tracestate;
    return {
      traceId,
      sampled: this.#sampler(traceId, caller),
      ...(caller === undefined ? {} : { callerSpanId: caller.spanId }),
      ...(tracestate === undefined ? {} : { tracestate }),
    };
  }

  #context({ traceId, sampled, tracestate }: Trace, spanId: string): TraceContext {
    const traceparent = formatTraceparent({ traceId, spanId, sampled });
    return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
  }
}

function traceIn({ trace }: ActivityRequest): Pick<TracedInstance, "trace"> {
  return trace === undefined ? {} : { trace };
}
