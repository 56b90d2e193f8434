/** The workflows of the load: calls in a row, waits, forks, children. Each says which steps it owes. */

export interface LoadedWorkflow {
  readonly name: string;
  /** Steps that are carried out once for each start. */
  readonly steps: readonly string[];
  readonly definition: string;
}

export const NAMESPACE = "crash";

/** `tell` calls the effects server until it is answered; always with the same idempotency key. */
function workflow(name: string, steps: readonly string[], tasks: string): LoadedWorkflow {
  const definition = `
document: { dsl: 1.0.3, namespace: ${NAMESPACE}, name: ${name}, version: 1.0.0 }
use:
  functions:
    tell:
      try:
        - post:
            call: http
            with:
              method: post
              endpoint: \${ $workflow.input.effects }
              body: '\${ { start: $workflow.input.start, step: .step, instance: $workflow.id } }'
      catch:
        errors:
          with: { type: https://open-workflow-specification.org/dsl/errors/types/communication }
        retry:
          delay: { milliseconds: 30 }
          backoff: { exponential: {} }
          limit: { attempt: { count: 12 } }
do:
${tasks}
  - answer: { set: { start: "\${ $workflow.input.start }" } }
`;
  return { name, steps, definition };
}

const tell = (step: string): string => `${step}: { call: tell, with: { step: ${step} } }`;

export const WORKFLOWS: readonly LoadedWorkflow[] = [
  workflow("three", ["a", "b", "c"], ["a", "b", "c"].map((step) => `  - ${tell(step)}`).join("\n")),
  workflow(
    "waiting",
    ["a", "b"],
    `  - ${tell("a")}
  - pause: { wait: { milliseconds: 700 } }
  - ${tell("b")}`,
  ),
  workflow(
    "forking",
    ["a", "b", "c", "d"],
    `  - split:
      fork:
        branches:
          - ${tell("a")}
          - late: { do: [ { pause: { wait: { milliseconds: 150 } } }, { ${tell("b")} } ] }
          - ${tell("c")}
  - ${tell("d")}`,
  ),
  workflow(
    "parent",
    ["a", "child", "b"],
    `  - ${tell("a")}
  - nested:
      run:
        workflow:
          namespace: ${NAMESPACE}
          name: nested
          version: 1.0.0
          input: { start: "\${ $workflow.input.start }", effects: "\${ $workflow.input.effects }" }
  - ${tell("b")}`,
  ),
];

/** Started by `parent` alone. */
export const NESTED = workflow("nested", [], `  - ${tell("child")}`);
