/** `run: script`: JavaScript and Python, written in the definition or fetched. */
import { isObject, type Json, type JsonObject } from "@millrace/language";
import { endpointOf } from "../arguments.ts";
import type { ActivityRequest } from "../executor.ts";
import { assertStatus, credentials } from "../http/call.ts";
import { exchange } from "../http/exchange.ts";
import { resolveUri } from "../http/uri.ts";
import type { CallServices } from "../services.ts";
import { badProperty, requiredText, textProperty } from "./arguments.ts";
import { checkTurnedOn } from "./config.ts";
import type { SandboxRequest } from "./sandbox/sandbox.ts";
import { runProcess } from "./sandboxed.ts";

interface Language {
  readonly file: string;
  readonly command: string;
  readonly arguments: readonly string[];
}

/**
 * Node.js keeps scripts from other files, processes, threads and add-ons by itself: a second wall inside the first.
 * Python's `-I` ignores PYTHON* variables and the folders of the user.
 */
const JAVASCRIPT: Language = {
  file: "script.mjs",
  command: "node",
  arguments: [
    "--permission",
    "--allow-fs-read=./",
    "--allow-fs-write=./",
    "--no-addons",
    "--no-warnings",
  ],
};
const PYTHON: Language = { file: "script.py", command: "python3", arguments: ["-I", "-B"] };

const LANGUAGES: Readonly<Record<string, Language>> = {
  js: JAVASCRIPT,
  javascript: JAVASCRIPT,
  python: PYTHON,
};

/** @throws {ActivityFailure} */
export async function runScript(
  request: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  checkTurnedOn(services.runs, "script");
  const { input } = request;
  const language = languageOf(input);
  const text = await codeOf(request, services, signal);
  const command: SandboxRequest = {
    command: language.command,
    arguments: [...language.arguments, language.file],
    file: { name: language.file, text },
  };
  return runProcess(request, command, services, signal);
}

function languageOf(input: JsonObject): Language {
  const name = requiredText(input, "language");
  const key = name.toLowerCase();
  const found = Object.hasOwn(LANGUAGES, key) ? LANGUAGES[key] : undefined;
  if (found !== undefined) return found;
  throw badProperty("language", `${name} is none of ${Object.keys(LANGUAGES).join(", ")}`);
}

async function codeOf(
  request: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<string> {
  const { input } = request;
  const code = textProperty(input, "code");
  if (code !== undefined) return code;
  const { source } = input;
  if (!isObject(source)) throw badProperty("code", "required, or source");
  return fetchCode(request, source, services, signal);
}

/** Fetched each time, through the egress policy: what is run is what is there now. */
async function fetchCode(
  { data }: ActivityRequest,
  source: JsonObject,
  services: CallServices,
  signal: AbortSignal,
): Promise<string> {
  const endpoint = endpointOf(source["endpoint"], "source.endpoint");
  const url = resolveUri(endpoint.uri, data, "source.endpoint");
  const path = "source.endpoint.authentication";
  const done = await exchange(
    services.transport,
    { method: "GET", url, headers: { accept: "*/*", "user-agent": "millrace" } },
    {
      followRedirects: true,
      signal,
      ...credentials(services, endpoint.authentication, path, data),
    },
  );
  assertStatus(done, false);
  return done.response.content.toString("utf8");
}
