/** From the runtime's values (epoch milliseconds) to what goes over the wire (RFC 3339). */
import type {
  CatalogFunction,
  FunctionSummary,
  HistoryEvent,
  Instance,
  InstanceSummary,
  WaitingFor,
  Secret,
  Workflow,
  WorkflowSummary,
} from "@millrace/protocol";
import { priorityName } from "@millrace/protocol";
import type {
  FunctionSummary as FunctionSummaryView,
  FunctionView,
  InstanceSummary as InstanceSummaryView,
  InstanceView,
  WorkflowSummary as WorkflowSummaryView,
  WorkflowView,
} from "../runtime.ts";
import type { ShownFact, WaitingFor as WaitingForView } from "../runtime/described.ts";
import type { SecretSummary } from "../secrets/vault.ts";

export function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

export function workflowSummary(view: WorkflowSummaryView): WorkflowSummary {
  return {
    namespace: view.namespace,
    name: view.name,
    version: view.version,
    ...(view.title === undefined ? {} : { title: view.title }),
    ...(view.summary === undefined ? {} : { summary: view.summary }),
    digest: view.digest,
    createdAt: instant(view.createdAt),
  };
}

export function workflow(view: WorkflowView): Workflow {
  return { ...workflowSummary(view), definition: view.definition };
}

export function functionSummary(view: FunctionSummaryView): FunctionSummary {
  const { name, version, source } = view;
  return { name, version, source, updatedAt: instant(view.updatedAt) };
}

export function catalogFunction(view: FunctionView): CatalogFunction {
  return { ...functionSummary(view), text: view.text };
}

export function instanceSummary(view: InstanceSummaryView): InstanceSummary {
  return {
    id: view.id,
    namespace: view.namespace,
    name: view.name,
    version: view.version,
    status: view.status,
    priority: priorityName(view.priority),
    createdAt: instant(view.createdAt),
    updatedAt: instant(view.updatedAt),
    ...(view.endedAt === undefined ? {} : { endedAt: instant(view.endedAt) }),
  };
}

export function secret(summary: SecretSummary): Secret {
  const { name, version, createdAt, updatedAt } = summary;
  return { name, version, createdAt: instant(createdAt), updatedAt: instant(updatedAt) };
}

export function instance(view: InstanceView): Instance {
  return {
    ...instanceSummary(view),
    input: view.input,
    ...(view.output === undefined ? {} : { output: view.output }),
    ...(view.error === undefined ? {} : { error: view.error }),
    ...(view.parent === undefined ? {} : { parent: view.parent }),
    ...(view.waitingFor === undefined ? {} : { waitingFor: view.waitingFor.map(waitingFor) }),
    ...(view.fault === undefined ? {} : { fault: view.fault }),
  };
}

function waitingFor(view: WaitingForView): WaitingFor {
  const { since, until, giveUpAt, events, progress, ...rest } = view;
  return {
    ...rest,
    ...(progress === undefined ? {} : { progress: { ...progress, at: instant(progress.at) } }),
    since: instant(since),
    ...(until === undefined ? {} : { until: instant(until) }),
    ...(giveUpAt === undefined ? {} : { giveUpAt: instant(giveUpAt) }),
    ...(events === undefined ? {} : { events: events.map((each) => ({ ...each })) }),
  };
}

export function historyEvent({ payloads, ...fact }: ShownFact): HistoryEvent {
  const shown = { ...fact, at: instant(fact.at) };
  return payloads === undefined ? shown : { ...shown, payloads: [...payloads] };
}
