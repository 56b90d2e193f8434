/** Keywords that apply several schemas to the same value. */
import {
  addSeen,
  type Check,
  fail,
  type Keyword,
  type KeywordCompiler,
  list,
  nothingSeen,
  SchemaError,
  silently,
} from "./context.ts";

function alternatives(keyword: Keyword): readonly Check[] {
  const schemas = list(keyword);
  if (schemas.length === 0) throw new SchemaError("expected at least one schema", keyword.pointer);
  return schemas.map((schema, index) => keyword.compile(schema, `${keyword.pointer}/${index}`));
}

const allOf: KeywordCompiler = (keyword) => {
  const checks = alternatives(keyword);
  return (value, at, run, seen) => {
    let valid = true;
    for (const check of checks) valid = check(value, at, run, seen) && valid;
    return valid;
  };
};

/** How many alternatives match; what they evaluated counts as seen. */
function matching(checks: readonly Check[], ...[value, at, run, seen]: Parameters<Check>): number {
  const quiet = silently(run);
  let matches = 0;
  for (const check of checks) {
    const own = nothingSeen();
    if (!check(value, at, quiet, own)) continue;
    matches += 1;
    addSeen(seen, own);
  }
  return matches;
}

const anyOf: KeywordCompiler = (keyword) => {
  const checks = alternatives(keyword);
  return (value, at, run, seen) =>
    matching(checks, value, at, run, seen) > 0 || explain(checks, value, at, run, seen);
};

const oneOf: KeywordCompiler = (keyword) => {
  const checks = alternatives(keyword);
  return (value, at, run, seen) => {
    const matches = matching(checks, value, at, run, seen);
    if (matches === 1) return true;
    if (matches === 0) return explain(checks, value, at, run, seen);
    return fail(
      run,
      at,
      `must match exactly one of ${checks.length} alternatives, matches ${matches}`,
    );
  };
};

/** With a single alternative its own mismatches say more. */
function explain(checks: readonly Check[], ...[value, at, run, seen]: Parameters<Check>): false {
  const [only] = checks;
  if (checks.length === 1 && only !== undefined) only(value, at, run, seen);
  else fail(run, at, `must match one of ${checks.length} alternatives`);
  return false;
}

const not: KeywordCompiler = ({ value, pointer, compile }) => {
  const check = compile(value, pointer);
  return (item, at, run) =>
    !check(item, at, silently(run), nothingSeen()) ||
    fail(run, at, "must not match the schema under not");
};

const condition: KeywordCompiler = ({ value, schema, pointer, compile }) => {
  const check = compile(value, pointer);
  const base = pointer.slice(0, pointer.lastIndexOf("/"));
  const branch = (key: "then" | "else"): Check =>
    schema[key] === undefined ? () => true : compile(schema[key], `${base}/${key}`);
  const [whenTrue, whenFalse] = [branch("then"), branch("else")];
  return (item, at, run, seen) => {
    const own = nothingSeen();
    if (!check(item, at, silently(run), own)) return whenFalse(item, at, run, seen);
    addSeen(seen, own);
    return whenTrue(item, at, run, seen);
  };
};

export const combinators: Readonly<Record<string, KeywordCompiler>> = {
  allOf,
  anyOf,
  oneOf,
  not,
  if: condition,
};
