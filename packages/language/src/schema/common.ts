/** Types that many parts of the language share: expressions, URIs, durations, data steps, flow. */
import { anything, documented, either, integer, map, named, object, string } from "./type.ts";
import type { Static } from "./type.ts";

const URI =
  "^(?!\\s*\\$\\{)(?=\\S)(([^:/?#]+):)?(//([^/?#\\s]*))?([^?#\\s]*)(\\?([^#\\s]*))?(#(\\S*))?$";
const ISO_DURATION =
  "^P(?!$)(\\d+(?:\\.\\d+)?Y)?(\\d+(?:\\.\\d+)?M)?(\\d+(?:\\.\\d+)?W)?(\\d+(?:\\.\\d+)?D)?(T(?=\\d)(\\d+(?:\\.\\d+)?H)?(\\d+(?:\\.\\d+)?M)?(\\d+(?:\\.\\d+)?S)?)?$";

/** A string that is wholly `${ … }`. */
export const runtimeExpression = string({
  pattern: "^\\s*\\$\\{.+\\}\\s*$",
  expected: 'a runtime expression such as "${ .value }"',
});

export const uriTemplate = either(
  "a URI or URI template",
  string({ format: "uri-template", pattern: URI }),
  string({ format: "uri-reference", pattern: URI }),
);

/** A URI (template), or an expression that gives one. */
export const uriOrExpression = either(
  "a URI, a URI template, or an expression",
  uriTemplate,
  runtimeExpression,
);

/** Any JSON object. */
export const freeObject = map(anything());
export const stringMap = map(string());

export const duration = named("duration", () =>
  documented(
    "A length of time: ISO 8601 text, an object of units, or an expression that gives either.",
    either(
      'an ISO 8601 duration such as "PT1M30S", an object such as { seconds: 90 }, or an expression',
      object({
        may: {
          days: integer(),
          hours: integer(),
          minutes: integer(),
          seconds: integer(),
          milliseconds: integer(),
        },
        minProperties: 1,
      }),
      runtimeExpression,
      string({ pattern: ISO_DURATION }),
    ),
  ),
);
export type Duration = Static<typeof duration>;

export const timeout = object({ must: { after: duration } });
export const timeoutOrReference = documented(
  "How long it may take, or the name of a timeout of `use.timeouts`.",
  either("a timeout such as { after: PT30S }, or the name of one", timeout, string()),
);
export type TimeoutOrReference = Static<typeof timeoutOrReference>;

/** `continue`, `exit`, `end`, or the name of a task of the same list. */
export const flowDirective = documented(
  "Where to go next: `continue`, `exit`, `end`, or the name of a task of the same list.",
  string(),
);

/** What an expression field may hold when it shapes data. */
export const transformation = either("an expression or an object", string(), freeObject);
