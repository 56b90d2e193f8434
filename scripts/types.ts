/** Type-checks each package under its own compiler settings, then everything else with its tests. Exits 1 on an error. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
const projects = [...readdirSync(join(root, "packages")).map((name) => `packages/${name}`), "."];
let failed = false;
for (const project of projects) {
  const { status } = spawnSync(process.execPath, [compiler, "-p", project], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) {
    console.error(`types: ${project} has errors`);
    failed = true;
  }
}
process.exitCode = failed ? 1 : 0;
