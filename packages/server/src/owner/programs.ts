/** Compiled programs by workflow version. A version is immutable, so a program is compiled once and kept. */
import { load, type Loaded, type Outside, type Program, type Resources } from "@millrace/language";
import type { OwnerStore, WorkflowVersion } from "../store/store.ts";

/** Programs kept; the one used longest ago goes first. */
const KEPT = 500;

/** {@link load}, or the same with a memory. */
export type Compile = (text: string, outside?: Outside) => Loaded;

export class Programs {
  readonly #store: Pick<OwnerStore, "definition">;
  readonly #compile: Compile;
  readonly #programs = new Map<string, Program>();
  readonly #broken = new Map<string, string>();
  /** Loads under way: the first thousand starts of a workflow ask the database, and compile, once. */
  readonly #loading = new Map<string, Promise<Program | undefined>>();

  constructor(store: Pick<OwnerStore, "definition">, compile: Compile = load) {
    this.#store = store;
    this.#compile = compile;
  }

  /** The program if it is in memory. */
  known(workflow: WorkflowVersion): Program | undefined {
    const name = nameOf(workflow);
    const program = this.#programs.get(name);
    if (program === undefined) return undefined;
    this.#programs.delete(name);
    this.#programs.set(name, program);
    return program;
  }

  /** Why there is no program although it was asked for: the version does not exist, or is no longer valid. */
  why(workflow: WorkflowVersion): string {
    const { namespace, name, version } = workflow;
    const broken = this.#broken.get(nameOf(workflow));
    const title = `${namespace}/${name} of version ${version}`;
    return broken === undefined ? `there is no workflow ${title}` : `workflow ${title}: ${broken}`;
  }

  /** `undefined` when there is no such version, or what is stored is no longer valid. */
  async get(workflow: WorkflowVersion): Promise<Program | undefined> {
    const known = this.known(workflow);
    if (known !== undefined) return known;
    const name = nameOf(workflow);
    const loading =
      this.#loading.get(name) ?? this.#load(workflow).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    return loading;
  }

  async #load(workflow: WorkflowVersion): Promise<Program | undefined> {
    const stored = await this.#store.definition(workflow);
    if (stored === undefined) return undefined;
    const { text, resources } = stored;
    const outside = resources === undefined ? {} : (JSON.parse(resources) as Resources);
    const loaded = this.#compile(text, { resources: outside });
    if (!loaded.ok) {
      const message = `its stored definition is not valid: ${loaded.issues[0]?.message}`;
      this.#broken.set(nameOf(workflow), message);
      return undefined;
    }
    this.#programs.set(nameOf(workflow), loaded.program);
    const [oldest] = this.#programs.keys();
    if (this.#programs.size > KEPT && oldest !== undefined) this.#programs.delete(oldest);
    return loaded.program;
  }
}

/** The programs that one batch needs. Its instances mostly run the same few, so the last one asked for is at hand. */
export class BatchPrograms {
  readonly #programs = new Map<string, Program | undefined>();
  #last: WorkflowVersion | undefined;
  #program: Program | undefined;

  has(workflow: WorkflowVersion): boolean {
    return this.#isLast(workflow) || this.#programs.has(nameOf(workflow));
  }

  set(workflow: WorkflowVersion, program: Program | undefined): void {
    this.#programs.set(nameOf(workflow), program);
    this.#last = workflow;
    this.#program = program;
  }

  get(workflow: WorkflowVersion): Program | undefined {
    if (this.#isLast(workflow)) return this.#program;
    const program = this.#programs.get(nameOf(workflow));
    this.#last = workflow;
    this.#program = program;
    return program;
  }

  #isLast({ tenant, namespace, name, version }: WorkflowVersion): boolean {
    const last = this.#last;
    return (
      last !== undefined &&
      last.name === name &&
      last.version === version &&
      last.namespace === namespace &&
      last.tenant === tenant
    );
  }
}

/** Names a version in a map. */
export function nameOf({ tenant, namespace, name, version }: WorkflowVersion): string {
  return `${tenant}/${namespace}/${name}/${version}`;
}
