/** `emit`: publishes a CloudEvent and gives it as output (DSL reference "Emit", "Event Properties"; CloudEvents 1.0). */
import { type EmitNode, isObject, type Json, type JsonObject } from "@millrace/language";
import type { Draft } from "../draft.ts";
import { standardError, TaskError } from "../errors.ts";
import type { Frame } from "../frame.ts";
import { isoInstant } from "../instant.ts";
import type { Outcome } from "../outcome.ts";
import { evaluate, inputOf } from "../scope.ts";

export function startEmit(d: Draft, node: EmitNode, frame: Frame): Outcome {
  const input = inputOf(d, frame);
  const given = evaluate(d, node.event, input, { frame, node, input });
  if (!isObject(given) || typeof given.type !== "string")
    throw new TaskError(
      standardError("expression", "an event needs a type that is a string", node.reference),
    );
  const { namespace, name, version } = d.program;
  const defaults: Record<string, Json> = {
    specversion: "1.0",
    // Unique for ever: an instance never uses a frame id twice.
    id: `${d.state.id}-${frame.id}`,
    source: `/${namespace}/${name}/${version}`,
    time: isoInstant(d.env.now),
    datacontenttype: "application/json",
  };
  const event: JsonObject = { ...defaults, ...given };
  d.effect({ kind: "event.emit", event, occurrence: frame.id });
  return { kind: "done", output: event };
}
