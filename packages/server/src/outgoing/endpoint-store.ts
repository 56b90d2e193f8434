/** What the API does with endpoints and their deliveries. Methods reject with a `RuntimeError` when the store does not answer. */
import type { Endpoint, EndpointKind, EndpointSettings } from "./endpoint.ts";

export interface EndpointName {
  readonly tenant: string;
  readonly kind: EndpointKind;
  readonly name: string;
}

export interface DeliveryRow {
  readonly id: number;
  readonly state: "waiting" | "dead";
  readonly event: string;
  readonly attempts: number;
  readonly error?: string;
  readonly queuedAt: number;
  readonly nextAt?: number;
  readonly deadAt?: number;
}

export interface EndpointStore {
  get(name: EndpointName): Promise<Endpoint | undefined>;
  /** By name, after this one. */
  list(of: Omit<EndpointName, "name">, after: string, limit: number): Promise<readonly Endpoint[]>;
  /** False when there is one of this name. */
  insert(endpoint: {
    readonly id: string;
    readonly partition: number;
    readonly name: EndpointName;
    readonly settings: EndpointSettings;
  }): Promise<boolean>;
  /** False when it is not at this version any more. @param enable also turn it on */
  update(
    endpoint: Pick<Endpoint, "id" | "version">,
    settings: EndpointSettings,
    enable: boolean,
  ): Promise<boolean>;
  /** With everything that is on its way to it; false when there was none. */
  delete(id: string): Promise<boolean>;
  /** Oldest first, after this id. */
  deliveries(
    endpoint: string,
    state: DeliveryRow["state"],
    after: number,
    limit: number,
  ): Promise<readonly DeliveryRow[]>;
  /** Queues dead letters again, behind what waits: those of these ids, or all. Gives their number. */
  replay(endpoint: string, ids: readonly number[] | undefined): Promise<number>;
}
