/** The Open Workflow DSL: types, validation, and the compiled program the engine walks. */
export { canonicalJson, fnv64 } from "./canonical.ts";
export { compile, type Compiled, compileChecked } from "./compile/compile.ts";
export { attributePasses, compileEventFilter, correlationValue } from "./compile/filters.ts";
export type { Outside } from "./compile/start.ts";
export {
  SCHEDULE_POLICIES,
  schedulePolicies,
  type SchedulePolicies,
} from "./compile/schedule-policies.ts";
export { EXCLUDED_DATE_FORMS, isExcludedDate } from "./excluded-dates.ts";
export { compileDeferred } from "./compile/deferred.ts";
export { resolveDuration } from "./compile/durations.ts";
export {
  type CivilDateTime,
  civilFromDays,
  civilOfSeconds,
  civilSeconds,
  type CronExpression,
  type CronField,
  type CronIssue,
  cronProblem,
  daysFromCivil,
  EVERY_HOUR,
  nextCivil,
  type ParsedCron,
  parseCron,
} from "./cron/index.ts";
export { leaseProblem } from "./compile/worker-call.ts";
export { DurationError, parseDuration } from "./duration.ts";
export {
  canonicalErrorType,
  ExpressionError,
  type StandardError,
  type StandardErrorName,
  standardErrors,
} from "./errors.ts";
export {
  type ExternalPlace,
  type ExternalResource,
  type FixedEndpoint,
  type FunctionName,
  parseFunctionName,
  type Resources,
} from "./external.ts";
export { parseInstant } from "./instant.ts";
export { DefinitionError, formatIssue, type Issue, type IssueCode } from "./issue.ts";
export { isObject, type Json, type JsonObject } from "./json.ts";
export { compileSchema, SchemaError } from "./jsonschema/index.ts";
export { deepEqual } from "./jsonschema/equal.ts";
export { suggestion } from "./nearest.ts";
export { workflowSchema } from "./schema/json-schema.ts";
export { type Loaded, load, validate, validateStructure, type WorkflowDefinition } from "./load.ts";
export { type Parsed, type ParseOptions, parseYaml } from "./parse/yaml.ts";
export type * from "./program.ts";
export { timeZoneProblem } from "./time-zone.ts";
