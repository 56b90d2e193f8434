/**
 * `npm run test:mutants [-- --only NAME]`: puts each planted bug into a copy of the sources, runs the tests that have to
 * notice, and prints a table of what caught it. Exits 1 when one survives, or a test fails without any bug.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Killer, type Mutant, MUTANTS } from "@millrace/testkit/mutants";
import { SourceCopy } from "@millrace/testkit/mutants/copy";

/** Milliseconds after which a run counts as hanging. */
const LIMITS = { simulator: 300_000, test: 60_000 };

interface Run {
  readonly code: number | "hangs";
  readonly text: string;
  readonly seconds: number;
}

const { values } = parseArgs({ options: { only: { type: "string" } } });
const chosen = MUTANTS.filter(({ name }) => values.only === undefined || name === values.only);
if (chosen.length === 0) {
  console.error(`there is no planted bug ${values.only}; there are:`);
  for (const { name } of MUTANTS) console.error(`  ${name}`);
  process.exitCode = 2;
} else process.exitCode = await main();

async function main(): Promise<number> {
  const copy = new SourceCopy(join(import.meta.dirname, ".."));
  try {
    if (!(await passesWithout(copy))) return 1;
    const survivors: string[] = [];
    console.log(row("planted bug", "caught by", "after", "seconds"));
    for (const mutant of chosen) if (!(await isCaught(copy, mutant))) survivors.push(mutant.name);
    console.log(`${chosen.length} planted bugs, ${survivors.length} survived`);
    for (const name of survivors) console.log(`SURVIVED: ${name}`);
    return survivors.length > 0 ? 1 : 0;
  } finally {
    copy.remove();
  }
}

/** A test that fails anyway proves nothing. */
async function passesWithout(copy: SourceCopy): Promise<boolean> {
  const killers = new Map(chosen.map(({ killer }) => [keyOf(killer), killer]));
  const seeds = { kind: "simulator", seeds: 100 } as const;
  if (killers.delete("simulator")) killers.set("simulator", seeds);
  for (const killer of killers.values()) {
    const { code, text } = await run(copy, killer);
    if (code === 0) continue;
    console.error(`${keyOf(killer)} fails without any planted bug:\n${text.slice(-4000)}`);
    return false;
  }
  return true;
}

function keyOf(killer: Killer): string {
  return killer.kind === "simulator" ? "simulator" : killer.file;
}

async function isCaught(copy: SourceCopy, mutant: Mutant): Promise<boolean> {
  const takeOut = copy.plant(mutant);
  const { code, text, seconds } = await run(copy, mutant.killer);
  takeOut();
  if (code === 2) throw new Error(`the tests of ${mutant.name} were not run: ${text}`);
  const { by, after } =
    code === 0 ? { by: "NOTHING", after: "" } : noticed(mutant.killer, code, text);
  console.log(row(mutant.name, by, after, seconds.toFixed(1)));
  return code !== 0;
}

/** What noticed it, and how soon. */
function noticed(killer: Killer, code: Run["code"], text: string): { by: string; after: string } {
  if (code === "hangs") return { by: `${keyOf(killer)} hangs`, after: "" };
  if (killer.kind === "test") {
    const failed = /^✖ (.*?) \(\d/m.exec(text)?.[1];
    return { by: failed ?? keyOf(killer), after: "" };
  }
  const seed = /^seed \d+ after (\d+) seeds: (.*)$/m.exec(text);
  if (seed !== null) return { by: seed[2] ?? "", after: `${seed[1]} seeds` };
  const error = /^(?:\w*Error.*)$/m.exec(text)?.[0];
  return { by: `simulator breaks: ${error ?? "no message"}`, after: "" };
}

function run(copy: SourceCopy, killer: Killer): Promise<Run> {
  const args =
    killer.kind === "simulator"
      ? ["scripts/simulate.ts", "--seeds", String(killer.seeds), "--until-failure"]
      : ["scripts/test.ts", killer.file];
  const began = performance.now();
  // A group of its own, so that what it started ends with it.
  const child = spawn(process.execPath, args, { cwd: copy.root, detached: true });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  let hangs = false;
  const timer = setTimeout(() => {
    hangs = true;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
  }, LIMITS[killer.kind]);
  return new Promise((resolve) => {
    child.on("close", (code) => {
      clearTimeout(timer);
      const seconds = (performance.now() - began) / 1000;
      resolve({ code: hangs ? "hangs" : (code ?? 1), text, seconds });
    });
  });
}

function row(name: string, by: string, after: string, seconds: string): string {
  const cut = by.length > 76 ? `${by.slice(0, 75)}…` : by;
  return `${name.padEnd(40)}${cut.padEnd(78)}${after.padStart(11)}${seconds.padStart(9)}`;
}
