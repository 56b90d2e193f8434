/** The commands of the README at the root do what it says, pasted one block after the other. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { suite, test } from "node:test";
import { COMMAND, type Ended, folder, serve } from "./command.ts";

const root = join(import.meta.dirname, "../../..");
const page = readFileSync(join(root, "README.md"), "utf8");

interface Block {
  readonly heading: string;
  readonly language: string;
  readonly lines: readonly string[];
}

/** The fenced blocks, in order. */
const blocks: readonly Block[] = page.split(/^## /m).flatMap((section) => {
  const heading = section.slice(0, section.indexOf("\n"));
  return Array.from(
    section.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm),
    ([, language = "", code]) => ({
      heading,
      language,
      lines: (code ?? "").trimEnd().split("\n"),
    }),
  );
});

/** What has to be said below each heading that has commands to paste. */
const SAID: Readonly<Record<string, readonly RegExp[]>> = {
  Schedules: [
    /clock goes back: the first 01:30/,
    /^examples\/hello 1\.0\.0$/m,
    /"greeting": "Hello, world!"/,
    /^nightly: paused \(until Monday\)$/m,
    /^2025-06-01 00:30:00 +backfill +started /m,
  ],
  Events: [
    /^Waiting for\n +paid .* an event com\.example\.shop\.paid with \{"order":"A"\}/m,
    /workflow\.completed +\{"order":"A","paid":42,"parcel":"P-1","carrier":"snail"\}/,
    /^ID +WORKFLOW/m,
  ],
  Webhooks: [
    /^listening at /m,
    /^audit: answered 204 after /m,
    /^io\.millrace\.webhook\.test\.v1 /m,
  ],
  Messages: [
    /^\{"digest":"315f5bdb76d0\w{52}"\}\{"message":"Hello, world!"\}\{"digest":"315f5bdb76d0/,
    /"mediaType":"text\/plain","store":"database","kept":true/,
    / +Apache License\n/,
    /^DIGEST +BYTES +TYPE +STORE +CREATED +EXPIRES\n\w{64} +\d+ +text\/plain +database /m,
  ],
  "See what happens": [
    /That is not allowed/,
    /`millrace retry \w+` tries again/,
    /"answer": "done at attempt 1"/,
    /^millrace_instances_started_total [1-9]/m,
  ],
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function shell(script: string, cwd: string, env: NodeJS.ProcessEnv): Promise<Ended> {
  const child = spawn("bash", ["-euo", "pipefail", "-c", script], { cwd, env });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number]>,
  ]);
  return { code, stdout, stderr };
}

/** A block as a script: this command, this Node.js, these ports; what runs in the background is awaited and ended. */
function scriptOf(lines: readonly string[], url: string, port: number): string {
  const script = lines.flatMap((line) => {
    const own = line
      .replaceAll("npx millrace", `"${process.execPath}" "${COMMAND}"`)
      .replaceAll("npx node", `"${process.execPath}"`)
      .replaceAll("http://127.0.0.1:7070", url)
      .replaceAll("9000", String(port));
    if (!/&\s*(?:#.*)?$/.test(line)) return [own];
    const listens = `until curl -s -o /dev/null http://127.0.0.1:${port}/; do sleep 0.1; done`;
    return [own, "trap 'kill $!' EXIT", listens];
  });
  return script.join("\n");
}

test("the first workflow gives what the README shows", async (t) => {
  const cwd = folder(t);
  const yaml = blocks.find(({ language }) => language === "yaml");
  writeFileSync(join(cwd, "hello.yaml"), (yaml?.lines ?? []).join("\n"));
  const shown = blocks.find(({ lines }) => lines[0]?.includes("millrace run hello.yaml"));
  const [command = "", ...output] = shown?.lines ?? [];
  const words = command.replace(
    "$ npm run --silent millrace",
    `"${process.execPath}" "${COMMAND}"`,
  );
  const { code, stdout, stderr } = await shell(words.replace(" -- ", " "), cwd, process.env);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trimEnd(), output.join("\n"));
});

suite("commands to paste", async () => {
  const pasted = blocks.filter(({ language }) => language === "sh");

  test("every block of commands is tested", () => {
    assert.deepEqual(new Set(pasted.map(({ heading }) => heading)), new Set(Object.keys(SAID)));
  });

  test("each block does what it says, on one server", async (t) => {
    const { url } = await serve(t, ["dev", "--port", "0", "--data-dir", folder(t)]);
    const port = await freePort();
    for (const { heading, lines } of pasted) {
      const env = { ...process.env, MILLRACE_URL: url };
      const { code, stdout, stderr } = await shell(scriptOf(lines, url, port), root, env);
      assert.equal(code, 0, `${heading}: ${stderr}${stdout}`);
      for (const said of SAID[heading] ?? []) assert.match(stdout + stderr, said, heading);
    }
  });
});
