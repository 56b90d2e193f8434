/**
 * The engines side by side. Each compiles an expression once, where it can, and is then asked for the first output on a
 * document, given as a value and wanted as a value: that is what a workflow engine does with an expression.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { compile } from "@millrace/jq";
import type { Json } from "@millrace/jq";
import type { Case } from "./cases.ts";
import { DOCUMENTS, VARIABLES } from "./documents.ts";

/** Evaluates one expression on its document once. */
export type Evaluate = () => unknown;

export interface Engine {
  readonly name: string;
  /** Evaluations answer with promises. */
  readonly isAsync: boolean;
  /** What evaluates a case, or undefined where the language has no equivalent. @throws what the engine does not know */
  readonly prepare: (item: Case) => Evaluate | undefined;
}

const PEERS = join(import.meta.dirname, "peers");

type Names = keyof typeof VARIABLES;
const NAMES = Object.keys(VARIABLES) as Names[];

function used(source: string): Names[] {
  return NAMES.filter((name) => source.includes(`$${name}`));
}

/** Called as `packages/language` does: with the engine's time and clock of the evaluation. */
export const millrace: Engine = {
  name: "@millrace/jq",
  isAsync: false,
  prepare: ({ jq, document }) => {
    const names = used(jq);
    // A machine that pauses this process must not end an evaluation; the clock is still looked at.
    const program = compile(jq, { variables: names, limits: { timeMs: 1e9 } });
    const values = Object.fromEntries(names.map((name) => [name, VARIABLES[name]]));
    const input = DOCUMENTS[document] as unknown as Json;
    const now = Date.now();
    const monotonic = (): number => performance.now();
    return () =>
      program.first(input, values as unknown as Record<string, Json>, { now, monotonic });
  },
};

/** Installs the peers where they are missing or of other versions than the lock file says. */
function installPeers(): void {
  const installed = join(PEERS, "node_modules", ".package-lock.json");
  const versionsOf = (file: string): string => {
    const { packages } = JSON.parse(readFileSync(file, "utf8")) as {
      packages: Record<string, { version?: string }>;
    };
    const names = Object.keys(packages).filter((name) => name !== "");
    return JSON.stringify(names.map((name) => [name, packages[name]?.version]));
  };
  if (
    existsSync(installed) &&
    versionsOf(installed) === versionsOf(join(PEERS, "package-lock.json"))
  )
    return;
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: PEERS,
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
  if (status !== 0) throw new Error(`npm ci in ${PEERS} failed`);
}

interface Filter {
  apply: (input: unknown, scope: { userFuncArgs: object; variables: object }) => Iterator<unknown>;
}

interface JqJs {
  readonly compileNode: (source: string) => Filter;
}

interface JqWeb {
  readonly raw: (text: string, source: string, flags: readonly string[]) => string;
}

type Jsonata = (source: string) => {
  evaluate: (input: unknown, bindings: object) => Promise<unknown>;
};

/** As its own `compile` calls a filter, which has no way to pass variables. */
function jqjs(version: string, { compileNode }: JqJs): Engine {
  return {
    name: `jqjs ${version}`,
    isAsync: false,
    prepare: ({ jq, document }) => {
      const filter = compileNode(jq);
      const input = DOCUMENTS[document];
      if (used(jq).length === 0)
        return () => filter.apply(input, { userFuncArgs: {}, variables: {} }).next().value;
      return () =>
        filter.apply(input, { userFuncArgs: {}, variables: { ...VARIABLES } }).next().value;
    },
  };
}

function jsonataEngine(version: string, jsonata: Jsonata): Engine {
  return {
    name: `jsonata ${version}`,
    isAsync: true,
    prepare: ({ jsonata: source, document }) => {
      if (source === undefined) return undefined;
      const expression = jsonata(source);
      const input = DOCUMENTS[document];
      return () => expression.evaluate(input, VARIABLES);
    },
  };
}

/**
 * jq itself, compiled to WebAssembly: text in, text out, the program parsed again each time. The package jq-wasm 1.0.1 does not
 * stand here because it aborts after some 300 evaluations.
 */
function jqWeb(version: string, { raw }: JqWeb): Engine {
  return {
    name: `jq-web ${version}`,
    isAsync: false,
    prepare: ({ jq, document }) => {
      const input = DOCUMENTS[document];
      const bound = used(jq).map((name) => `${JSON.stringify(VARIABLES[name])} as $${name} | `);
      const source = bound.join("") + jq;
      return () => JSON.parse(raw(JSON.stringify(input), source, FLAGS)) as unknown;
    },
  };
}

const FLAGS: readonly string[] = ["-c"];

/** The peers, installed on first use from their own lock file. */
export async function peers(): Promise<readonly Engine[]> {
  installPeers();
  const load = createRequire(join(PEERS, "package.json"));
  const versionOf = (name: string): string => {
    const file = join(PEERS, "node_modules", name, "package.json");
    return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
  };
  const js = (await import(load.resolve("@michaelhomer/jqjs"))) as JqJs;
  return [
    jqjs(versionOf("@michaelhomer/jqjs"), js),
    jsonataEngine(versionOf("jsonata"), load("jsonata") as Jsonata),
    jqWeb(versionOf("jq-web"), (await load("jq-web")) as JqWeb),
  ];
}
