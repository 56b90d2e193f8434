import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { errorsPage } from "./errors-page.ts";
import { ERROR_CODES, ERRORS, isErrorCode } from "./errors.ts";
import { ProblemError, isProblem, problem } from "./problem.ts";

test("docs/errors.md is the catalogue", () => {
  const page = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
  assert.equal(page, errorsPage(), "run `npm run docs -w @millrace/protocol`");
});

test("every kind says its status, what it means and what to do", () => {
  for (const code of ERROR_CODES) {
    const { status, title, action, retryable } = ERRORS[code];
    assert.match(code, /^[a-z]+(-[a-z]+)*$/);
    assert.ok(status >= 400 && status < 600, code);
    assert.match(title, /^[A-Z].*[^.]$/, code);
    assert.match(action, /\.$/, code);
    assert.equal(retryable === true, [408, 429, 503].includes(status), `${code}: retryable`);
  }
  const titles = new Set(ERROR_CODES.map((code) => ERRORS[code].title));
  assert.equal(titles.size, ERROR_CODES.length, "titles are distinct");
});

test("a problem carries its kind's words and the occurrence's", () => {
  const error = new ProblemError("workflow-invalid", {
    detail: "1 fault",
    issues: [{ path: "do[0]", line: 3, column: 5, message: "required" }],
  });
  assert.deepEqual(error.toProblem("r-1"), {
    type: "urn:millrace:error:workflow-invalid",
    title: ERRORS["workflow-invalid"].title,
    status: 422,
    code: "workflow-invalid",
    action: ERRORS["workflow-invalid"].action,
    detail: "1 fault",
    issues: [{ path: "do[0]", line: 3, column: 5, message: "required" }],
    requestId: "r-1",
  });
  assert.equal(error.message, "1 fault");
  assert.ok(isProblem(problem("internal")));
  assert.ok(!isProblem({ ...problem("internal"), type: "about:blank" }));
  assert.ok(!isErrorCode("toString"));
});
