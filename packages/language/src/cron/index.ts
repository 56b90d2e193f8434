export {
  type CivilDate,
  type CivilDateTime,
  civilFromDays,
  civilOfSeconds,
  civilSeconds,
  daysFromCivil,
} from "./calendar.ts";
export { type CronExpression, type CronField, type CronIssue, EVERY_HOUR } from "./expression.ts";
export { nextCivil } from "./next.ts";
export { cronProblem, type ParsedCron, parseCron } from "./parse.ts";
