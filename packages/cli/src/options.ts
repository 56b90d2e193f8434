/** Options that many commands have. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Format } from "./arguments.ts";
import { DEFAULT_URL } from "./url.ts";

/** A command that talks to a server. */
export function client(program: Command, name: string): Command {
  return program
    .command(name)
    .option("--url <url>", `the server; MILLRACE_URL (default: ${DEFAULT_URL})`)
    .addOption(apiKey());
}

/** Of a server, of a balancer before several, or of several. */
export function urls(): Option {
  return new Option(
    "--url <url...>",
    `the server, or a balancer before several, or each server; MILLRACE_URL (default: ${DEFAULT_URL})`,
  );
}

export function apiKey(): Option {
  return new Option("--api-key <key>", "a key of the server; better as MILLRACE_API_KEY");
}

export function format(description: string): Option {
  return new Option("-o, --output <format>", description)
    .choices(["text", "json"] satisfies Format[])
    .default("text");
}

export function port(): Option {
  return new Option(
    "-p, --port <port>",
    "port of the API; MILLRACE_PORT (default: 7070)",
  ).argParser(wholeNumber);
}

export function logLevel(level: string): Option {
  return new Option(
    "--log-level <level>",
    `least level logged; MILLRACE_LOG_LEVEL (default: ${level})`,
  ).choices(["debug", "info", "warn", "error"]);
}

export function wholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a whole number.");
}
