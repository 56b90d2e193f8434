/**
 * Writes a fixture for every scenario that has none of this version yet: `node packages/engine/test/states/write.ts`.
 *
 * Run it with the release that raises STATE_VERSION, before anything else of the engine changes, and after adding a
 * scenario. What is there stays as it is: it is what was released.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decide, STATE_VERSION, type State } from "@millrace/engine";
import { load } from "@millrace/language";
import { type Scenario, scenarios } from "./scenarios.ts";

const folder = join(import.meta.dirname, `v${STATE_VERSION}`);
mkdirSync(folder, { recursive: true });
for (const scenario of scenarios) {
  const file = join(folder, `${scenario.name}.json`);
  if (existsSync(file)) continue;
  const { definition, end } = scenario;
  const fixture = { definition, state: stateOf(scenario), end };
  writeFileSync(file, `${JSON.stringify(fixture, undefined, 2)}\n`);
}

/** The state after the scenario's commands, half a second after the start. */
function stateOf({ definition, input, parent, commands }: Scenario): State {
  const loaded = load(JSON.stringify(definition));
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.issues));
  let now = Date.UTC(2026, 0, 1);
  let state: State | undefined;
  const link = parent === undefined ? {} : { parent };
  for (const command of [
    { kind: "start", instanceId: "I", input, ...link } as const,
    ...commands,
  ]) {
    const environment = { now, random: () => 0.5, runtime: { name: "Millrace", version: "0" } };
    const decision = decide(loaded.program, state, command, environment);
    if (!decision.applied) throw new Error(`${command.kind} changed nothing`);
    ({ state } = decision);
    now += 500;
  }
  if (state === undefined) throw new Error("no state");
  return state;
}
