/** The same conversation with a real Podman, where there is one that can run containers. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, suite, test } from "node:test";
import type { Json, JsonObject } from "@millrace/language";
import type { ActivityRequest } from "../../executor.ts";
import { createActivities } from "../../registry.ts";
import { activityRequest } from "../../testing.ts";

const IMAGE = "localhost/millrace-test:1";
const never = new AbortController().signal;
const folder = mkdtempSync(join(tmpdir(), "millrace-podman-"));

/** An image of this machine's shell, in a store of its own. @throws when there is no Podman, or it cannot run containers here */
function prepare(): void {
  const rootfs = join(folder, "rootfs");
  mkdirSync(join(rootfs, "tmp"), { recursive: true });
  for (const program of ["/bin/sh", "/bin/cat", "/bin/sleep"]) {
    const libraries = execFileSync("ldd", [program], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
    for (const file of [program, ...libraries]) {
      mkdirSync(join(rootfs, dirname(file)), { recursive: true });
      copyFileSync(file, join(rootfs, file));
    }
  }
  // crun refuses machines that mix both versions of cgroups.
  const runc = ["/usr/sbin/runc", "/usr/bin/runc"].filter((path) => existsSync(path));
  const conf = [
    "[containers]",
    // Where root lacks CAP_SYS_RESOURCE the defaults of the engine cannot be set.
    'default_ulimits = ["nofile=256:256", "nproc=256:256"]',
    "[engine]",
    'cgroup_manager = "cgroupfs"',
    'events_logger = "none"',
    ...(runc.length > 0 ? ['runtime = "runc"'] : []),
    "",
  ].join("\n");
  writeFileSync(join(folder, "containers.conf"), conf);
  const storage = `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/graph"\nrunroot = "${folder}/run"\n`;
  writeFileSync(join(folder, "storage.conf"), storage);
  process.env["CONTAINERS_CONF"] = join(folder, "containers.conf");
  process.env["CONTAINERS_STORAGE_CONF"] = join(folder, "storage.conf");
  execFileSync("tar", ["-C", rootfs, "-cf", join(folder, "image.tar"), "."]);
  const change = 'CMD ["/bin/sh","-c","echo hello from the image $0"]';
  podman("import", "--change", change, join(folder, "image.tar"), IMAGE);
  podman("run", "--rm", "--network=none", "--memory=64m", IMAGE);
}

function podman(...words: string[]): string {
  return execFileSync("podman", words, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 60_000,
  });
}

function unusable(): string | false {
  try {
    prepare();
    return false;
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    const { stderr = "", message } = error as Error & { readonly stderr?: string };
    const said = (stderr || message).trim();
    return `no Podman that runs containers here (Debian: apt-get install podman runc): ${said.slice(-200)}`;
  }
}

suite("podman", { skip: unusable() }, () => {
  const activities = createActivities({ runs: { kinds: ["container"], containerCli: "podman" } });
  const run = async (
    input: JsonObject,
    more: Partial<ActivityRequest> = {},
    signal = never,
  ): Promise<Json> => {
    const result = await activities.execute(
      activityRequest("run:container", { image: IMAGE, pullPolicy: "never", ...input }, more),
      signal,
    );
    if ("output" in result) return result.output;
    throw new Error(JSON.stringify(result.error));
  };
  const left = (): string => podman("ps", "--all", "--quiet").trim();
  after(async () => {
    await activities.close();
    podman("rm", "--all", "--force", "--time", "0");
    rmSync(folder, { recursive: true, force: true });
  });

  const always = { lifetime: { cleanup: "always" } };

  test("runs what the image runs, with arguments behind it (podman)", async () => {
    assert.equal(await run({ ...always, arguments: ["Ada"] }), "hello from the image Ada\n");
    assert.equal(left(), "");
  });

  test("gives command, arguments, environment and standard input (podman)", async () => {
    const input = {
      ...always,
      command: 'echo "$1 $GREETING $(cat)"',
      arguments: ["it's"],
      environment: { GREETING: "a b" },
      stdin: "in",
    };
    assert.deepEqual(await run(input, { return: "all" }), {
      code: 0,
      stdout: "it's a b in\n",
      stderr: "",
    });
  });

  test("tells the exit code, and has no network (podman)", async () => {
    const input = {
      ...always,
      command: 'while read -r line; do echo "${line%%:*}"; done </proc/net/dev; exit 7',
    };
    const { code, stdout } = (await run(input, { return: "all" })) as {
      code: number;
      stdout: string;
    };
    assert.equal(code, 7);
    assert.deepEqual(stdout.trim().split("\n").slice(2), ["lo"]);
  });

  test("stops a cancelled container and removes it (podman)", async () => {
    const controller = new AbortController();
    const running = run(
      { ...always, name: "cancelled", command: "echo up; sleep 1000" },
      {},
      controller.signal,
    );
    while (!podman("ps", "--quiet", "--filter", "name=cancelled").trim())
      await new Promise(setImmediate);
    controller.abort(new Error("cancelled"));
    await assert.rejects(running);
    assert.equal(left(), "");
  });

  test("leaves a container that nobody cleans up (podman)", async () => {
    await run({ name: "kept" });
    assert.notEqual(left(), "");
  });
});
