/** Starting instances: version, partition, id, idempotency key. */
import { createHash } from "node:crypto";
import type { Program } from "@millrace/language";
import { newId } from "@millrace/protocol";
import { placement } from "../cluster/placement.ts";
import type { Owner } from "../owner/owner.ts";
import {
  DEFAULT_TENANT,
  RuntimeError,
  type StartedInstance,
  type StartInstance,
} from "../runtime.ts";
import type { KeyRow, OwnerStore, WorkflowVersion } from "../store/store.ts";
import { submitted } from "./submit.ts";
import type { Caller } from "./within.ts";
import { canonical } from "./workflows.ts";

export interface StartsConfig {
  readonly store: Pick<OwnerStore, "loadKeys" | "latestVersion">;
  readonly owner: Owner;
  readonly partitions: number;
  readonly databaseNow: () => number;
  readonly randomBytes: () => Uint8Array;
  readonly random: () => number;
}

/** The newest version of a workflow, as known or as being asked for. */
interface Latest {
  readonly version: string | Promise<string | undefined>;
  readonly until: number;
}

interface Resolved {
  readonly workflow: WorkflowVersion;
  readonly program: Program;
}

/** Milliseconds a client should stay away when too much is queued. */
const RETRY_AFTER = 1000;
/** Milliseconds that the newest version is taken to be the newest, where another node may have applied one. */
const FRESH = 1000;

export class Starts {
  readonly #config: StartsConfig;
  /** Starts under way by key: the next with the same key waits for the first. */
  readonly #keyed = new Map<string, Promise<unknown>>();
  /** The newest versions; forgotten when one is applied here, and after a second in case another node has one. */
  readonly #latest = new Map<string, Latest>();

  constructor(config: StartsConfig) {
    this.#config = config;
  }

  forgetLatest(): void {
    this.#latest.clear();
  }

  /** @param caller says when whoever asked has been told that it failed */
  async start(request: StartInstance, caller: Caller = { gone: false }): Promise<StartedInstance> {
    const { owner } = this.#config;
    if (owner.overloaded) {
      owner.counters.counts.startsOverloaded += 1;
      const message = `${owner.slots.queued} commands are waiting; try again later`;
      throw new RuntimeError("overloaded", message, { retryAfterMs: RETRY_AFTER });
    }
    const resolved = await this.#resolve(request);
    const { idempotencyKey } = request;
    if (idempotencyKey === undefined) return this.#submit(request, resolved, caller);
    const { tenant, namespace, name } = resolved.workflow;
    const lock = JSON.stringify([tenant, namespace, name, idempotencyKey]);
    const before = this.#keyed.get(lock) ?? Promise.resolve();
    const mine = before
      .catch(() => {})
      .then(() => this.#startKeyed(request, resolved, caller, idempotencyKey, lock));
    this.#keyed.set(lock, mine);
    try {
      return await mine;
    } finally {
      if (this.#keyed.get(lock) === mine) this.#keyed.delete(lock);
    }
  }

  async #startKeyed(
    request: StartInstance,
    resolved: Resolved,
    caller: Caller,
    key: string,
    lock: string,
  ): Promise<StartedInstance> {
    const { store, partitions, databaseNow, randomBytes } = this.#config;
    const { tenant, namespace, name } = resolved.workflow;
    const partition = placement(partitions, lock);
    const { version = null, input, priority } = request;
    const content = canonical([version, input, ...(priority === undefined ? [] : [priority])]);
    const digest = createHash("sha256").update(content).digest("hex");
    const [known] = await store.loadKeys([{ partition, tenant, namespace, name, key }]);
    if (known !== undefined) {
      if (known.digest === digest) return { id: known.instanceId, created: false };
      throw new RuntimeError("key-reuse", `the key ${key} was used with another request`);
    }
    const at = databaseNow();
    const id = newId(partition, at, randomBytes());
    const row: KeyRow = { partition, tenant, namespace, name, key, digest, instanceId: id, at };
    return this.#submit(request, resolved, caller, row);
  }

  async #submit(
    request: StartInstance,
    { workflow, program }: Resolved,
    caller: Caller,
    key?: KeyRow,
  ): Promise<StartedInstance> {
    const { owner, partitions, random, databaseNow, randomBytes } = this.#config;
    const { input, priority, trace } = request;
    const partition = key?.partition ?? Math.floor(random() * partitions);
    const id = key?.instanceId ?? newId(partition, databaseNow(), randomBytes());
    const outcome = await submitted(owner, {
      instanceId: id,
      partition,
      command: {
        kind: "start",
        instanceId: id,
        input,
        priority,
        ...(trace === undefined ? {} : { trace }),
      },
      priority: priority ?? program.priority,
      tenant: workflow.tenant,
      start: { workflow, ...(key === undefined ? {} : { key }) },
      caller,
    });
    if (outcome.kind === "missing") throw noWorkflow(workflow);
    if (outcome.kind === "failed") throw outcome.fault;
    return { id, created: true };
  }

  async #resolve(request: StartInstance): Promise<Resolved> {
    const { owner } = this.#config;
    const { tenant = DEFAULT_TENANT, namespace, name } = request;
    let { version } = request;
    if (version === undefined || version === "latest") {
      const latest = this.#latestOf({ tenant, namespace, name });
      version = typeof latest === "object" ? await latest : latest;
    }
    const workflow = { tenant, namespace, name, version: version ?? "latest" };
    if (version === undefined) throw noWorkflow(workflow);
    const program = owner.programs.known(workflow) ?? (await owner.programs.get(workflow));
    if (program === undefined) throw noWorkflow(workflow);
    return { workflow, program };
  }

  /** Whoever asks while the database is being asked gets the same answer. */
  #latestOf(workflow: Omit<WorkflowVersion, "version">): string | Promise<string | undefined> {
    const { store, databaseNow } = this.#config;
    const key = `${workflow.tenant}\n${workflow.namespace}\n${workflow.name}`;
    const known = this.#latest.get(key);
    if (known !== undefined && known.until > databaseNow()) return known.version;
    const asking = store.latestVersion(workflow).then(
      (version) => {
        const until = databaseNow() + FRESH;
        // Forgotten meanwhile: what was read may be of before.
        if (this.#latest.get(key)?.version === asking)
          if (version === undefined) this.#latest.delete(key);
          else this.#latest.set(key, { version, until });
        return version;
      },
      (error: unknown) => {
        this.#latest.delete(key);
        throw error;
      },
    );
    this.#latest.set(key, { version: asking, until: Number.POSITIVE_INFINITY });
    return asking;
  }
}

function noWorkflow({ namespace, name, version }: WorkflowVersion): RuntimeError {
  const message = `there is no workflow ${namespace}/${name} ${version}`;
  return new RuntimeError("not-found", message, { subject: "workflow" });
}
