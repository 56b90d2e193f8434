#!/usr/bin/env node
// The sources are TypeScript, which Node.js 24 runs as they are. An older Node.js hands over to the one that npm
// installed here as the package `node`.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { dirname, join } from "node:path";
import { isatty } from "node:tty";
import { fileURLToPath } from "node:url";

const [major = 0] = process.versions.node.split(".").map(Number);

if (major >= 24) {
  // Keeps what stripping and compiling gave: starting is several times faster from the second time on.
  module.enableCompileCache();
  const { main } = await import("../src/main.ts");
  await main(process.argv.slice(2));
} else {
  handOver();
}

function handOver() {
  const node = installedNode();
  if (node === undefined) {
    process.stderr.write(
      `millrace: Node.js ${process.versions.node} is too old: install Node.js 24, or run npm ci, which brings it\n`,
    );
    process.exitCode = 1;
    return;
  }
  // The channel tells the child when this process is killed.
  const child = spawn(node, process.argv.slice(1), {
    stdio: ["inherit", "inherit", "inherit", "ipc"],
  });
  // Ctrl-C at a terminal reaches both, and a second one would mean "at once": only others' SIGINT is passed on.
  const atTerminal = [0, 1, 2].some((descriptor) => isatty(descriptor));
  process.on("SIGINT", () => atTerminal || child.kill("SIGINT"));
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`millrace: ${node} does not start: ${error.message}; run npm ci again\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

function installedNode() {
  const file = process.platform === "win32" ? "node.exe" : "node";
  for (let at = dirname(fileURLToPath(import.meta.url)); at !== dirname(at); at = dirname(at)) {
    const node = join(at, "node_modules", "node", "bin", file);
    if (existsSync(node)) return node;
  }
  return undefined;
}
