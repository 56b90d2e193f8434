#!/usr/bin/env node
/**
 * A container engine for tests: speaks the part of Docker's command line that Millrace uses, keeps images and containers
 * as files in the folder ENGINE_STATE, runs a container as a process of this machine, and writes down every call.
 * JavaScript, so that it runs by itself.
 */
import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const state = process.env["ENGINE_STATE"];
const words = process.argv.slice(2);
mkdirSync(join(state, "containers"), { recursive: true });
appendFileSync(join(state, "calls"), `${JSON.stringify(words)}\n`);

const fail = (text, code = 125) => {
  process.stderr.write(`Error response from daemon: ${text}\n`);
  process.exit(code);
};
const imageFile = (name) => join(state, `image-${encodeURIComponent(name)}`);
const fileOf = (id) => {
  const direct = join(state, "containers", id);
  if (existsSync(direct)) return direct;
  const named = readdirSync(join(state, "containers")).find((each) => read(each).name === id);
  return named === undefined
    ? fail(`No such container: ${id}`, 1)
    : join(state, "containers", named);
};
const read = (id) => JSON.parse(readFileSync(join(state, "containers", id), "utf8"));
const load = (id) => JSON.parse(readFileSync(fileOf(id), "utf8"));
const save = (id, value) => writeFileSync(fileOf(id), JSON.stringify(value));

function create() {
  const container = { status: "created", exitCode: 0, labels: {}, env: {}, entrypoint: [] };
  let at = 1;
  for (; words[at].startsWith("-"); at += 1) {
    const [, option, inline] = /^(--[a-z-]+)(?:=([\s\S]*))?$/.exec(words[at]);
    if (option === "--interactive") continue;
    const value = inline ?? words[(at += 1)];
    const [key, ...rest] = value.split("=");
    if (option === "--name") container.name = value;
    else if (option === "--label") container.labels[key] = rest.join("=");
    else if (option === "--env") container.env[key] = rest.join("=");
    else if (option === "--entrypoint") container.entrypoint = [value];
    else if (
      ![
        "--pull",
        "--security-opt",
        "--pids-limit",
        "--memory",
        "--network",
        "--publish",
        "--volume",
      ].includes(option)
    )
      fail(`unknown flag: ${option}`);
  }
  const image = words[at];
  if (!existsSync(imageFile(image))) fail(`No such image: ${image}`);
  const { Entrypoint, Cmd } = JSON.parse(readFileSync(imageFile(image), "utf8"));
  const given = words.slice(at + 1);
  const entry = container.entrypoint.length > 0 ? container.entrypoint : (Entrypoint ?? []);
  container.argv = [
    ...entry,
    ...(given.length > 0 || container.entrypoint.length > 0 ? given : (Cmd ?? [])),
  ];
  const all = readdirSync(join(state, "containers"));
  if (all.some((id) => read(id).name === container.name))
    fail(`the name ${container.name} is in use`);
  const id = `c${all.length + 1}${process.pid}`;
  writeFileSync(join(state, "containers", id), JSON.stringify(container));
  process.stdout.write(`${id}\n`);
}

function start() {
  const id = words.at(-1);
  const container = load(id);
  const input = words.includes("--interactive") ? "inherit" : "ignore";
  const [program, ...rest] = container.argv;
  const child = spawn(program, rest, {
    stdio: [input, "inherit", "inherit"],
    env: { PATH: process.env["PATH"], ...container.env },
    detached: true,
  });
  save(id, { ...container, status: "running", pid: child.pid });
  child.once("error", () => fail("executable file not found", 127));
  child.once("exit", (code) => {
    const exitCode = code ?? 137;
    save(id, { ...load(id), status: "exited", exitCode, finishedAt: new Date().toISOString() });
    process.exit(exitCode);
  });
}

const end = (id, signal) => {
  const { pid, status } = load(id);
  if (status !== "running") return;
  try {
    process.kill(-pid, signal);
  } catch {}
  save(id, { ...load(id), status: "exited", exitCode: 137, finishedAt: new Date().toISOString() });
};

function inspect() {
  const { status, exitCode, finishedAt, labels } = load(words.at(-1));
  const text = words[2]
    .replace("{{.State.Status}}", status)
    .replace("{{.State.ExitCode}}", String(exitCode))
    .replace("{{json .State.FinishedAt}}", JSON.stringify(finishedAt ?? ""))
    .replace(/{{index .Config.Labels "([^"]+)"}}/, (_, name) => labels[name] ?? "");
  process.stdout.write(`${text}\n`);
}

function ps() {
  const [name, value] = words
    .at(-1)
    .replace(/^label=/, "")
    .split(/=(.*)/s);
  const fits = ({ labels }) => (value === undefined ? name in labels : labels[name] === value);
  for (const id of readdirSync(join(state, "containers")))
    if (fits(read(id))) process.stdout.write(`${id}\n`);
}

switch (words[0]) {
  case "image": {
    const file = imageFile(words.at(-1));
    if (!existsSync(file)) fail(`No such image: ${words.at(-1)}`, 1);
    process.stdout.write(readFileSync(file, "utf8"));
    break;
  }
  case "pull": {
    const source = join(state, `registry-${encodeURIComponent(words.at(-1))}`);
    if (!existsSync(source)) fail(`pull access denied for ${words.at(-1)}`, 1);
    writeFileSync(imageFile(words.at(-1)), readFileSync(source));
    break;
  }
  case "create":
    create();
    break;
  case "start":
    start();
    break;
  case "inspect":
    inspect();
    break;
  case "ps":
    ps();
    break;
  case "stop":
    end(words.at(-1), "SIGKILL");
    break;
  case "rm":
    for (const id of words.slice(2)) {
      end(id, "SIGKILL");
      rmSync(fileOf(id));
    }
    break;
  default:
    fail(`unknown command: ${words[0]}`);
}
