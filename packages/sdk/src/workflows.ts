import type { Workflow, WorkflowList, WorkflowSummary } from "@millrace/protocol";
import { everyRow } from "./pages.ts";
import type { Transport } from "./transport.ts";

export interface WorkflowRef {
  readonly namespace: string;
  readonly name: string;
  /** The newest unless given. */
  readonly version?: string;
}

export interface WorkflowFilter {
  readonly namespace?: string;
  readonly name?: string;
  /** Rows in a page, 1 … 500. */
  readonly limit?: number;
}

/** `/v1/workflows`. Methods reject with a {@link MillraceError}. */
export class Workflows {
  readonly #transport: Transport;
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Stores a version, given as YAML or JSON. The same content again changes nothing. */
  apply(definition: string, options: { readonly signal?: AbortSignal } = {}): Promise<Workflow> {
    return this.#transport.json({
      method: "POST",
      path: "/v1/workflows",
      headers: { "content-type": "application/yaml" },
      body: definition,
      signal: options.signal,
    });
  }

  get(workflow: WorkflowRef): Promise<Workflow> {
    return this.#transport.json({ method: "GET", path: addressOf(workflow) });
  }

  /** The text of a version as it was applied. */
  getText(workflow: WorkflowRef): Promise<string> {
    const headers = { accept: "application/yaml" };
    return this.#transport.text({ method: "GET", path: addressOf(workflow), headers });
  }

  /** Every version, by namespace, name and version. */
  list(filter: WorkflowFilter = {}): AsyncGenerator<WorkflowSummary, void, undefined> {
    return everyRow((cursor) =>
      this.listPage({ ...filter, ...(cursor === undefined ? {} : { cursor }) }),
    );
  }

  listPage(filter: WorkflowFilter & { readonly cursor?: string } = {}): Promise<WorkflowList> {
    return this.#transport.json({ method: "GET", path: "/v1/workflows", query: { ...filter } });
  }
}

/** The address of a workflow, or of one of its versions. */
export function addressOf({ namespace, name, version }: WorkflowRef): string {
  const parts = version === undefined ? [namespace, name] : [namespace, name, version];
  return `/v1/workflows/${parts.map(encodeURIComponent).join("/")}`;
}
