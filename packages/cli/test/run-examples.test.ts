/** The examples of the language that run processes, to their ends: containers in an engine for tests. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite, test } from "node:test";
import { folder, millrace } from "./command.ts";

const spec = process.env["MILLRACE_SPEC_DIR"] ?? "";
const skip =
  spec === "" ? "MILLRACE_SPEC_DIR does not name the folder of the language's kit" : false;
const ENGINE = join(
  import.meta.dirname,
  "../../server/src/activities/run/container/testing/engine.js",
);

const HELLO = "Hello from Docker!\n";

suite("examples of run", { skip }, () => {
  const outputs: Readonly<Record<string, unknown>> = {
    "run-shell-stdin-and-arguments": "STDIN was: Hello World\nARGS are Foo Bar\n",
    "run-script-with-stdin-and-arguments": "stdin >  Hello Workflow\narg >  hello\nenv >  bar\n",
    "run-container": HELLO,
    "run-container-cleanup-always": HELLO,
    "run-container-cleanup-eventually": HELLO,
    "run-container-stdin-and-arguments": "STDIN was: Hello World\nARGS are Foo Bar\n",
    "run-container-with-name": HELLO,
    "run-container-with-pull-policy": HELLO,
    "run-return-all": { code: 0, stdout: HELLO, stderr: "" },
    "run-return-code": 0,
    "run-return-none": null,
    "run-return-stderr": "",
  };

  for (const [name, output] of Object.entries(outputs))
    test(`${name}.yaml`, async (t) => {
      const state = folder(t);
      mkdirSync(join(state, "containers"));
      const images = { "hello-world": ["/bin/echo", HELLO.trim()], alpine: ["/bin/sh"] };
      for (const [image, Cmd] of Object.entries(images))
        writeFileSync(join(state, `registry-${image}`), JSON.stringify({ Cmd }));
      const env = {
        MILLRACE_RUNS: "shell,script,container",
        MILLRACE_RUN_ISOLATION: "process",
        MILLRACE_CONTAINER_CLI: ENGINE,
        ENGINE_STATE: state,
      };
      const file = join(spec, "examples", `${name}.yaml`);
      const { code, stdout, stderr } = await millrace(["run", file], { env });
      assert.equal(code, 0, stderr);
      assert.deepEqual(JSON.parse(stdout), output);
      const left = readdirSync(join(state, "containers"));
      const container = /container|return/.test(name) && name !== "run-container-cleanup-always";
      assert.equal(left.length, container ? 1 : 0);
      if (name !== "run-container-with-name") return;
      const kept = readFileSync(join(state, "containers", left[0] ?? ""), "utf8");
      assert.match(kept, /"name":"hello-/);
    });

  test("every example of run is here, but for the one that runs a workflow", () => {
    const examples = readdirSync(join(spec, "examples")).filter((file) => file.startsWith("run-"));
    const known = [...Object.keys(outputs), "run-subflow"].map((name) => `${name}.yaml`);
    assert.deepEqual(examples.toSorted(), known.toSorted());
  });
});
