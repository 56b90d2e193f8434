/**
 * The compiled program: what the validator's output becomes before the engine walks it.
 *
 * A program is an immutable tree of task nodes. Every expression is compiled once, every name in `use` is resolved,
 * every flow directive that targets a task holds that task's index. The engine never looks at the YAML again.
 */
import type { Json, JsonObject } from "./json.ts";

/** The names an expression may use: `$context`, `$input`, … plus loop and catch variables (without the `$`). */
export type Scope = Readonly<Record<string, Json>>;

/** What an evaluation may cost and which instant `now` means. */
export interface EvaluationContext {
  /** Epoch milliseconds: the instant jq's `now` answers. */
  readonly now: number;
  /** Millisecond clock for the time budget; absent means no time budget (steps, size and depth still apply). */
  readonly monotonic?: () => number;
}

/** One runtime expression (DSL "Runtime Expressions"), compiled. */
export interface Expression {
  readonly source: string;
  /** Scope names the expression mentions; the engine builds only these. */
  readonly uses: readonly string[];
  /**
   * The first output, `null` when there is none.
   * @throws {ExpressionError} on any evaluation failure, budgets included
   */
  evaluate(input: Json, scope: Scope, context: EvaluationContext): Json;
}

/** A JSON value in which any string may be, or hold, an expression; evaluates to plain JSON. */
export interface Template {
  /** Scope names that the expressions inside mention. */
  readonly uses: readonly string[];
  /** The value itself when nothing in it is an expression. */
  readonly constant?: Json;
  /** What is evaluated later and elsewhere; `evaluate` leaves the text as written in its places. */
  readonly deferred?: readonly Deferred[];
  evaluate(input: Json, scope: Scope, context: EvaluationContext): Json;
}

/**
 * A string of a template that names `$secrets` or `$authorization`. It is evaluated where the activity is carried out, so
 * that no value of a secret ever stands in a state. Plain JSON: it travels with the activity.
 */
export interface Deferred {
  /** Where in the template's value the result goes. */
  readonly path: readonly (string | number)[];
  /** One expression, whose value counts; or a text with expressions in it. */
  readonly pieces: readonly (string | { readonly jq: string })[];
  /** True for text: the pieces are joined. */
  readonly text?: true;
  /** Loose mode: what stands there when the evaluation fails. */
  readonly otherwise?: string;
  /** The value is a URI, or has one under `uri`: braces in it are data, not a template. */
  readonly endpoint?: true;
  /** Scope names the expressions mention, `secrets` and `authorization` among them. */
  readonly uses: readonly string[];
  /** Names of `use.secrets` they may look at. */
  readonly secrets: readonly string[];
}

/** One mismatch between a value and a schema. */
export interface SchemaIssue {
  /** JSON Pointer into the value. */
  readonly pointer: string;
  readonly message: string;
}

/** A JSON Schema (2020-12) compiled for the data-flow steps 1, 3, 6, 8 and 11. */
export interface Schema {
  /** Empty when the value is valid. */
  validate(value: Json): readonly SchemaIssue[];
}

/** `input`, `output` or `export` of a task or a workflow. */
export interface DataStep {
  readonly schema?: Schema;
  /** `from` of an input, `as` of an output or export. */
  readonly transform?: Template;
}

/** A duration in the DSL: a constant in milliseconds, or a template that gives an ISO 8601 string or a duration object. */
export type DurationSpec =
  | { readonly kind: "constant"; readonly milliseconds: number }
  | { readonly kind: "template"; readonly template: Template };

/** Where the flow goes after a task. `task` holds the index of the target in the same list. */
export type Flow =
  | { readonly kind: "continue" }
  | { readonly kind: "exit" }
  | { readonly kind: "end" }
  | { readonly kind: "task"; readonly index: number };

/** What every task node has. */
export interface TaskBase {
  readonly name: string;
  /** JSON Pointer of the task in the definition, such as `/do/0/getPet`; unique in the program. */
  readonly reference: string;
  /** The task as written, for `$task.definition`. */
  readonly definition: JsonObject;
  readonly if?: Expression;
  readonly input?: DataStep;
  readonly output?: DataStep;
  readonly export?: DataStep;
  readonly timeout?: DurationSpec;
  readonly then: Flow;
  /** Extensions that apply to this kind of task, in the order they are declared. */
  readonly extensions?: readonly Extension[];
}

/** `use.extensions[…]`, compiled (DSL reference "Extension"). `before`/`after` have no extensions themselves. */
export interface Extension {
  readonly name: string;
  readonly when?: Expression;
  readonly before?: TaskList;
  readonly after?: TaskList;
}

export type TaskList = readonly TaskNode[];

export interface DoNode extends TaskBase {
  readonly kind: "do";
  readonly tasks: TaskList;
}
export interface SetNode extends TaskBase {
  readonly kind: "set";
  readonly value: Template;
}
export interface SwitchCase {
  readonly name: string;
  /** Absent on the default case. */
  readonly when?: Expression;
  readonly then: Flow;
}
export interface SwitchNode extends TaskBase {
  readonly kind: "switch";
  readonly cases: readonly SwitchCase[];
}
export interface ForNode extends TaskBase {
  readonly kind: "for";
  /** Variable names, without `$`. */
  readonly each: string;
  readonly at: string;
  /** Gives the collection. */
  readonly in: Template;
  readonly while?: Expression;
  readonly tasks: TaskList;
}
export interface ForkNode extends TaskBase {
  readonly kind: "fork";
  readonly branches: TaskList;
  readonly compete: boolean;
}
export interface RaiseNode extends TaskBase {
  readonly kind: "raise";
  /** Evaluates to `{type, status, title?, detail?, instance?}`; type is a canonical URI when it names a standard error. */
  readonly error: Template;
}

/** `catch.errors.with`: every property given must equal the error's (types compared after {@link canonicalErrorType}). */
export interface ErrorFilter {
  readonly type?: Template;
  readonly status?: Template;
  readonly title?: Template;
  readonly detail?: Template;
  readonly instance?: Template;
}
export interface RetryPolicy {
  readonly when?: Expression;
  readonly exceptWhen?: Expression;
  readonly delay?: DurationSpec;
  readonly backoff: "constant" | "linear" | "exponential";
  readonly jitter?: { readonly from: DurationSpec; readonly to: DurationSpec };
  readonly limit: {
    /** Most attempts, the first one included in none: `count: 5` means the try runs at most 1 + 5 times. */
    readonly attemptCount?: number;
    /** Longest one attempt may take. */
    readonly attemptDuration?: DurationSpec;
    /** Longest time from the first attempt's start within which a retry may start. */
    readonly duration?: DurationSpec;
  };
}
export interface Catch {
  readonly filter?: ErrorFilter;
  /** Variable name without `$`; `error` unless given. */
  readonly as: string;
  readonly when?: Expression;
  readonly exceptWhen?: Expression;
  readonly retry?: RetryPolicy;
  readonly tasks?: TaskList;
  readonly then?: Flow;
}
export interface TryNode extends TaskBase {
  readonly kind: "try";
  readonly tasks: TaskList;
  readonly catch: Catch;
}
export interface WaitNode extends TaskBase {
  readonly kind: "wait";
  readonly duration: DurationSpec;
}
export interface EmitNode extends TaskBase {
  readonly kind: "emit";
  /** Evaluates to CloudEvents attributes and data, as written under `emit.event.with`. */
  readonly event: Template;
}
/** `call` of a built-in protocol: outside work. */
export interface CallNode extends TaskBase {
  readonly kind: "call";
  readonly call: "http" | "openapi" | "grpc" | "asyncapi" | "mcp" | "a2a" | "worker";
  /** `with`, with authentication references (`use: name`, or a bare name) already replaced by the policy itself. */
  readonly with: Template;
}
/**
 * `call: asyncapi` with a subscription: outside work that brings one message after another (DSL reference "AsyncAPI
 * Subscription"). `with` is the call's without the conditions, which are the engine's.
 */
export interface SubscribeNode extends TaskBase {
  readonly kind: "subscribe";
  readonly call: "asyncapi";
  readonly with: Template;
  /** Messages for which it does not hold are passed over; `.` is the message, as in the other two conditions. */
  readonly filter?: Expression;
  readonly consume: {
    readonly amount?: number;
    readonly for?: DurationSpec;
    readonly while?: Expression;
    readonly until?: Expression;
  };
  readonly foreach?: SubscriptionIterator;
}
/** `listen`: waits for events (DSL reference "Listen"). */
export interface ListenNode extends TaskBase {
  readonly kind: "listen";
  readonly to: EventStrategy;
  readonly read: EventRead;
  readonly foreach?: SubscriptionIterator;
}
/** What of an event is handed on: its data, the event itself, or its data as text. */
export type EventRead = "data" | "envelope" | "raw";

/** Which events are consumed (DSL reference "Event Consumption Strategy"). */
export interface EventStrategy {
  /** `one`: the first that passes its filter; `all`: one for each filter; `any`: the first that passes any filter. */
  readonly kind: "one" | "all" | "any";
  /** `any: []`, any event at all, has one filter that everything passes. */
  readonly filters: readonly EventFilterNode[];
  /**
   * Only with `any`, which then goes on consuming until the condition holds, or the other strategy has what it asks for (it
   * has no `until` itself).
   */
  readonly until?: Expression | EventStrategy;
}

/** One event filter (DSL reference "Event Filter"). */
export interface EventFilterNode {
  /** The name of `definition`: 16 hexadecimal digits of a 64-bit hash of its canonical JSON. */
  readonly id: string;
  /** The attribute's value, when only events with exactly that one pass. */
  readonly type?: string;
  readonly source?: string;
  /**
   * The filter without what each task adds to it (`expect`), canonical: `{with, correlate: {name: {from}}, mode?,
   * variables?}`. Enough to compile the same filter elsewhere.
   */
  readonly definition: JsonObject;
  readonly attributes: readonly AttributeFilter[];
  readonly correlate: readonly EventCorrelation[];
}
/** What a filter asks of one attribute (or of `data`). */
export interface AttributeFilter {
  readonly name: string;
  /** Scope names its expressions mention: when there are any it cannot be judged without an instance. */
  readonly uses: readonly string[];
  /** Whether an attribute that is there passes. An expression that fails lets nothing pass; nothing is thrown. */
  test(value: Json, scope: Scope, context: EvaluationContext): boolean;
}
/** How an event is told from others of its kind (DSL reference "Correlation"). */
export interface EventCorrelation {
  readonly name: string;
  /** `.` is the event; no variables. */
  readonly from: Expression;
  /** What the value must equal; absent: whatever the first event has. */
  readonly expect?: Template;
}
/** A filter as far as it holds for every instance; see `compileEventFilter`. */
export interface SharedEventFilter {
  readonly type?: string;
  readonly source?: string;
  /** False when no instance can want the event. What depends on an instance's variables counts as passing. */
  passes(event: JsonObject, context: EvaluationContext): boolean;
  /** The event's correlation values by name, `{}` for a filter without any; `undefined` when one cannot be extracted. */
  keys(event: JsonObject, context: EvaluationContext): Readonly<Record<string, Json>> | undefined;
}
/** What is done with each message (DSL reference "Subscription Iterator"). */
export interface SubscriptionIterator {
  /** Variable names, without `$`. */
  readonly item: string;
  readonly at: string;
  readonly tasks: TaskList;
  readonly output?: DataStep;
  readonly export?: DataStep;
}
/** `call` of a function of `use.functions`: the function's task runs with the evaluated `with` as its raw input. */
export interface FunctionNode extends TaskBase {
  readonly kind: "function";
  readonly function: string;
  readonly arguments: Template;
  readonly task: TaskNode;
}
/** `run` of a process: outside work. `with` is the process object (`run.shell`, …) as a template. */
export interface RunProcessNode extends TaskBase {
  readonly kind: "process";
  readonly process: "container" | "script" | "shell";
  readonly with: Template;
  readonly await: boolean;
  readonly return: "stdout" | "stderr" | "code" | "all" | "none";
}
export interface RunWorkflowNode extends TaskBase {
  readonly kind: "workflow";
  readonly namespace: string;
  readonly workflow: string;
  /** `latest` when the definition gives none. */
  readonly version: string;
  /** `run.workflow.input`: what the child is given; absent means the task's own input. (`input` is the task's data step.) */
  readonly arguments?: Template;
  readonly await: boolean;
}
/** A task that is valid in the language but cannot be run (a function of a catalog that was not fetched). */
export interface UnsupportedNode extends TaskBase {
  readonly kind: "unsupported";
  /** What is missing, in the user's words: "call log:1.0.0@global". */
  readonly feature: string;
}

export type TaskNode =
  | DoNode
  | SetNode
  | SwitchNode
  | ForNode
  | ForkNode
  | RaiseNode
  | TryNode
  | WaitNode
  | EmitNode
  | CallNode
  | SubscribeNode
  | ListenNode
  | FunctionNode
  | RunProcessNode
  | RunWorkflowNode
  | UnsupportedNode;

export interface Program {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  /** The whole definition as parsed, for `$workflow.definition`. */
  readonly definition: JsonObject;
  readonly input?: DataStep;
  readonly output?: DataStep;
  readonly timeout?: DurationSpec;
  readonly schedule?: Schedule;
  readonly secrets: readonly string[];
  /** Of its instances, 0 (first) … 4 (last), unless a start names another: `document.metadata.millrace.priority`. */
  readonly priority?: number;
  readonly tasks: TaskList;
  /** Every task node of the program by its reference, functions and extensions included. */
  readonly nodes: ReadonlyMap<string, TaskNode>;
  /** Every distinct event filter of its tasks and its schedule. */
  readonly eventFilters: readonly EventFilterNode[];
}

/** `schedule`: exactly one of the four triggers (DSL reference "Schedule"). */
export interface Schedule {
  readonly every?: DurationSpec;
  readonly cron?: string;
  readonly after?: DurationSpec;
  readonly on?: EventStrategy;
  /** How the events of `on` become the input. */
  readonly read: EventRead;
}
