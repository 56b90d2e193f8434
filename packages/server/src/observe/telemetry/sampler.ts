/** Whether a trace is kept (OpenTelemetry SDK environment variables, `OTEL_TRACES_SAMPLER`): the same on every node. */
import type { SpanReference } from "./trace-context.ts";

export const SAMPLERS = Object.freeze([
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const);
export type SamplerName = (typeof SAMPLERS)[number];

export interface SamplerSettings {
  readonly name: SamplerName;
  /** 0 to 1. */
  readonly ratio: number;
}

/** @param caller decides for the samplers that are based on the parent, where there is one */
export type Sampler = (traceId: string, caller: SpanReference | undefined) => boolean;

export function samplerOf({ name, ratio }: SamplerSettings): Sampler {
  const root = name.replace("parentbased_", "");
  const decide = (traceId: string): boolean => {
    if (root !== "traceidratio") return root === "always_on";
    // The last 52 bits: random in every trace id, and a number that is exact.
    return Number.parseInt(traceId.slice(-13), 16) < ratio * 2 ** 52;
  };
  return name.startsWith("parentbased_")
    ? (traceId, caller) => caller?.sampled ?? decide(traceId)
    : decide;
}
