/**
 * `run: container`.
 *
 * A container goes: earlier attempts removed → image there (pulled or not, as `pullPolicy` says) → created → started, its
 * outputs followed to its end → exit code asked for → removed at once, later or never. A cancelled or late one is stopped
 * (SIGTERM, SIGKILL after the grace) and then treated as one that ended.
 */
import { isObject, type Json } from "@millrace/language";
import type { ActivityRequest } from "../../executor.ts";
import { ActivityFailure } from "../../failure.ts";
import type { CallServices } from "../../services.ts";
import { checkTurnedOn } from "../config.ts";
import { outputOf, type ProcessResult } from "../result.ts";
import { stopped } from "../sandboxed.ts";
import { type ContainerCli, containerCli } from "./cli.ts";
import { createArguments, type ImageConfig, LABELS } from "./create.ts";
import { type ContainerDefinition, containerOf } from "./definition.ts";
import { openReaper } from "./reaper.ts";

const WHAT = "run: container";

/** @throws {ActivityFailure} */
export async function runContainer(
  request: ActivityRequest,
  services: CallServices,
  signal: AbortSignal,
): Promise<Json> {
  const { runs } = services;
  checkTurnedOn(runs, "container");
  const definition = containerOf(request.input);
  const cli = await containerCli(runs.containerCli);
  try {
    await removeEarlier(cli, request, signal);
    const image = await imageOf(cli, definition, signal);
    const created = await cli.ask(createArguments(request, definition, image, runs), { signal });
    const id = created.trim().split("\n").at(-1) ?? "";
    const result = await follow(cli, id, definition, services, signal);
    return outputOf(WHAT, result, request.return);
  } catch (error) {
    throw stopped(WHAT, error) ?? error;
  }
}

/** What a crash left of this activity: nobody hears of its result. */
async function removeEarlier(
  cli: ContainerCli,
  { idempotencyKey, attempt }: ActivityRequest,
  signal: AbortSignal,
): Promise<void> {
  if (attempt === 1) return;
  const filter = `label=${LABELS.activity}=${idempotencyKey}`;
  const found = await cli.ask(["ps", "--all", "--quiet", "--filter", filter], { signal });
  const ids = found.split(/\s+/).filter((id) => id !== "");
  if (ids.length > 0) await cli.ask(["rm", "--force", ...ids], { signal });
}

async function imageOf(
  cli: ContainerCli,
  { image, pullPolicy }: ContainerDefinition,
  signal: AbortSignal,
): Promise<ImageConfig> {
  const inspect = ["image", "inspect", "--format", "{{json .Config}}", image];
  if (pullPolicy === "always") await cli.ask(["pull", "--quiet", image], { signal });
  const found = await cli.run(inspect, { signal });
  if (found.code === 0) return imageConfig(found.stdout);
  if (pullPolicy === "never")
    throw new ActivityFailure(
      "runtime",
      `${WHAT}: the image ${image} is not there, and pullPolicy is never`,
    );
  await cli.ask(["pull", "--quiet", image], { signal });
  return imageConfig(await cli.ask(inspect, { signal }));
}

function imageConfig(text: string): ImageConfig {
  const config = JSON.parse(text) as Json;
  const words = (value: Json | undefined): readonly string[] =>
    Array.isArray(value) ? value.filter((word) => typeof word === "string") : [];
  if (!isObject(config)) return { entrypoint: [], command: [] };
  return { entrypoint: words(config["Entrypoint"]), command: words(config["Cmd"]) };
}

/** From the start to the end, and to what is left of it afterwards. */
async function follow(
  cli: ContainerCli,
  id: string,
  { stdin, cleanup }: ContainerDefinition,
  services: CallServices,
  signal: AbortSignal,
): Promise<ProcessResult> {
  const { outputBytes, grace } = services.runs.limits;
  const attach = ["--attach", ...(stdin === undefined ? [] : ["--interactive"])];
  try {
    const output = await cli.run(["start", ...attach, id], {
      outputBytes,
      signal,
      ...(stdin === undefined ? {} : { stdin }),
    });
    return { ...output, code: await exitCode(cli, id, output, signal) };
  } finally {
    const seconds = String(Math.ceil(grace / 1_000));
    if (signal.aborted) await cli.run(["stop", "--time", seconds, id]);
    if (cleanup.policy === "always") await cli.run(["rm", "--force", id]);
    if (cleanup.policy === "eventually") services.keep(openReaper).later(cli, id, cleanup.after);
  }
}

/** The engine's word: the command's own code may be about the command. */
async function exitCode(
  cli: ContainerCli,
  id: string,
  { stderr }: ProcessResult,
  signal: AbortSignal,
): Promise<number> {
  const format = "{{.State.Status}} {{.State.ExitCode}}";
  const state = await cli.ask(["inspect", "--format", format, id], { signal });
  const [status, code] = state.trim().split(" ");
  if (status === "exited" || status === "stopped") return Number(code);
  throw new ActivityFailure(
    "runtime",
    `${WHAT}: it did not run (${status ?? "unknown"}): ${stderr.trim().slice(-1_000)}`,
  );
}
