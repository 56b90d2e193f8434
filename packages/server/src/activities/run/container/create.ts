/** The argument list that creates a container. Docker and Podman take the same one. No shell ever sees it. */
import { realpathSync } from "node:fs";
import { isAbsolute, normalize, sep } from "node:path";
import type { ActivityRequest } from "../../executor.ts";
import { ActivityFailure } from "../../failure.ts";
import { badProperty } from "../arguments.ts";
import type { RunsConfig } from "../config.ts";
import type { ContainerDefinition } from "./definition.ts";

/** What an image runs by itself, as its configuration has it. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
}

export const LABELS = {
  instance: "millrace.instance",
  /** The activity's idempotency key: the same for every attempt. */
  activity: "millrace.activity",
  /** Milliseconds that a container with `cleanup: eventually` is kept after its end. */
  keep: "millrace.keep",
} as const;

/** @throws {ActivityFailure} `authorization` for what the operator has not allowed */
export function createArguments(
  request: ActivityRequest,
  definition: ContainerDefinition,
  image: ImageConfig,
  config: RunsConfig,
): readonly string[] {
  const { command, stdin, cleanup, environment } = definition;
  const { processes, memoryBytes } = config.limits;
  const labels: readonly (readonly [string, string])[] = [
    [LABELS.instance, request.instanceId],
    [LABELS.activity, request.idempotencyKey],
    ...(cleanup.policy === "eventually" ? [[LABELS.keep, String(cleanup.after)] as const] : []),
  ];
  return [
    "create",
    `--name=${definition.name ?? defaultName(request)}`,
    ...labels.flatMap(([name, value]) => ["--label", `${name}=${value}`]),
    // It has been pulled before, or must not be.
    "--pull=never",
    "--security-opt=no-new-privileges",
    `--pids-limit=${processes}`,
    `--memory=${memoryBytes}`,
    ...(config.network ? [] : ["--network=none"]),
    ...(stdin === undefined ? [] : ["--interactive"]),
    ...variables(environment),
    ...ports(definition, config),
    ...volumes(definition, config),
    ...(command === undefined ? [] : ["--entrypoint=/bin/sh"]),
    definition.image,
    ...argv(definition, image),
  ];
}

/** Unique: an activity's id is so within its instance, and an earlier attempt's container is removed first. */
function defaultName({ instanceId, activityId }: ActivityRequest): string {
  return `millrace-${instanceId}-${activityId.replaceAll(/[^A-Za-z0-9_.-]/g, "-")}`;
}

/**
 * A command is the shell's, and the arguments are its `$1`, `$2`, …. Without one they go to what the image runs: to its
 * entry point, or behind its command where it has no entry point (the engine alone would put them in the command's place).
 */
function argv(
  { command, arguments: given }: ContainerDefinition,
  image: ImageConfig,
): readonly string[] {
  if (command !== undefined) return ["-c", command, "sh", ...given];
  if (given.length === 0 || image.entrypoint.length > 0) return given;
  return [...image.command, ...given];
}

function variables(environment: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(environment).flatMap(([name, value]) => {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || value.includes("\0"))
      throw badProperty(
        "environment",
        `${JSON.stringify(name)} is no variable that a process can have`,
      );
    return ["--env", `${name}=${value}`];
  });
}

function ports(definition: ContainerDefinition, { network }: RunsConfig): readonly string[] {
  if (definition.ports.length > 0 && !network)
    throw forbidden(
      "ports",
      "containers have no network on this server; the operator gives them one with MILLRACE_RUN_NETWORK=true",
    );
  return definition.ports.flatMap(([host, container]) => ["--publish", `${host}:${container}`]);
}

function volumes(
  definition: ContainerDefinition,
  { containerVolumes }: RunsConfig,
): readonly string[] {
  return definition.volumes.flatMap(([source, target]) => {
    const [path = "", mode = "rw", ...more] = target.split(":");
    if (!isAbsolute(path) || more.length > 0 || (mode !== "rw" && mode !== "ro"))
      throw badProperty(
        `volumes.${source}`,
        "must be an absolute path in the container, with :ro or without",
      );
    if (source.includes(":") || !allows(containerVolumes, source))
      throw forbidden(
        `volumes.${source}`,
        "the operator has not named it in MILLRACE_CONTAINER_VOLUMES",
      );
    return ["--volume", `${isAbsolute(source) ? real(source) : source}:${path}:${mode}`];
  });
}

/** A name that is listed, or a path at or below one that is – the real one, whatever links say. */
function allows(allowed: readonly string[], source: string): boolean {
  if (!isAbsolute(source))
    return !source.includes("/") && !source.startsWith("-") && allowed.includes(source);
  const path = real(source);
  return allowed
    .filter((each) => isAbsolute(each))
    .map(real)
    .some(
      (folder) => path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep),
    );
}

function real(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return normalize(path);
  }
}

function forbidden(property: string, why: string): ActivityFailure {
  return new ActivityFailure("authorization", `${property}: ${why}`);
}
