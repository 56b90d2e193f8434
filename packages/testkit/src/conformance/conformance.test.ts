/** The specification's conformance kit, unmodified: its public services are served on loopback. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { type Activities, createActivities } from "@millrace/server/activities";
import { HTTPBIN_ORIGIN, PETSTORE_ORIGIN, startHttpbin, startPetstore } from "../http/index.ts";
import { readKit } from "./kit.ts";
import { runStep, type Scenario } from "./steps.ts";

const folder = join(process.env.MILLRACE_SPEC_DIR ?? "", "ctk");
const missing =
  process.env.MILLRACE_SPEC_DIR === undefined || !existsSync(folder)
    ? "set MILLRACE_SPEC_DIR to a folder with the specification's ctk/ to run the conformance kit"
    : false;

suite("conformance kit", { skip: missing }, () => {
  let executor: Activities;
  const stops: (() => Promise<void>)[] = [];

  before(async () => {
    const petstore = await startPetstore();
    const httpbin = await startHttpbin();
    stops.push(
      () => petstore.close(),
      () => httpbin.close(),
    );
    executor = createActivities({
      egress: { allowLoopback: true },
      origins: {
        [PETSTORE_ORIGIN]: petstore.origin,
        [HTTPBIN_ORIGIN]: httpbin.origin,
      },
    });
    stops.push(() => executor.close());
  });
  after(async () => {
    for (const stop of stops.toReversed()) await stop();
  });

  for (const { name, steps } of missing === false ? readKit(folder) : [])
    test(name, async () => {
      const scenario: Scenario = { input: {} };
      for (const { sentence, text } of steps) await runStep(scenario, sentence, text, executor);
    });
});
