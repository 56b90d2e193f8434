/**
 * MCP's stdio transport (MCP 2025-06-18 "Transports"): one message a line, over the standard input and output of a process
 * in the sandbox of `run`. The SDK's own would start the process itself, with variables and files of the server.
 *
 * Lines that are no message are passed over: programs greet and log. What they hold counts, together with all other
 * output, towards the limit of a response.
 */
import { ReadBuffer, serializeMessage } from "@modelcontextprotocol/sdk/shared/stdio.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { ActivityFailure } from "../failure.ts";
import { brief } from "../json-rpc.ts";
import type { SandboxedProcess } from "../run/sandbox/sandbox.ts";
import { badAnswer } from "./failure.ts";
import { type Link, nothingHeard, overhear } from "./link.ts";

export interface StdioServer {
  /** For errors. */
  readonly name: string;
  readonly process: SandboxedProcess;
  /** Bytes of its output. */
  readonly maxBytes: number;
  /** Values that its standard error must not carry into an error. */
  readonly secrets: readonly string[];
}

/** Of standard error: where a program says why it ends. */
const TAIL = 2_000;

/** @param broken is told why no answer will come although nothing threw */
export function stdioLink(server: StdioServer, broken: (failure: ActivityFailure) => void): Link {
  const { process, name } = server;
  const state = nothingHeard();
  const inner = overLines(server, broken);
  const tail = tailOf(process);
  const ended = (what: string): void => {
    if (state.awaited === undefined) return;
    const said = brief(without(tail(), server.secrets));
    broken(badAnswer(`${name}: ${what}${said === "" ? "" : `: ${said}`}`));
  };
  process.ended.then(
    ({ code }) => ended(`the process ended with code ${code} and without an answer`),
    (error: unknown) =>
      broken(error instanceof ActivityFailure ? error : badAnswer(`${name}: the process failed`)),
  );
  const transport = overhear(inner, state, { unanswered: () => {}, failed: () => {} });
  return {
    transport,
    async leave() {
      await Promise.allSettled(state.sending);
      process.stdin.end();
      await process.ended;
    },
  };
}

function overLines(server: StdioServer, broken: (failure: ActivityFailure) => void): Transport {
  const { process, maxBytes, name } = server;
  const lines = new ReadBuffer({ maxBufferSize: maxBytes });
  let received = 0;
  const read = (chunk: Buffer): void => {
    received += chunk.length;
    if (received > maxBytes) {
      process.stdout.off("data", read).resume();
      broken(badAnswer(`${name}: the process wrote more than ${maxBytes} bytes`));
      return;
    }
    lines.append(chunk);
    for (let message = next(lines); message !== null; message = next(lines)) {
      if (message !== undefined) transport.onmessage?.(message);
    }
  };
  const transport: Transport = {
    async start() {
      process.stdout.on("data", read);
    },
    async send(message) {
      const failed = await new Promise((resolve) => {
        process.stdin.write(serializeMessage(message), resolve);
      });
      // A process that takes no input is ending, and its end says more than the broken pipe.
      if (failed) await process.ended;
    },
    async close() {
      await process.stop();
      transport.onclose?.();
    },
  };
  return transport;
}

/** The next message; undefined for a line that is none, null for no line. */
function next(lines: ReadBuffer): JSONRPCMessage | undefined | null {
  try {
    return lines.readMessage();
  } catch {
    return undefined;
  }
}

function tailOf({ stderr }: SandboxedProcess): () => string {
  let tail = "";
  stderr.on("data", (chunk: Buffer) => {
    tail = (tail + chunk.toString("utf8")).slice(-TAIL);
  });
  return () => tail;
}

function without(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length > 3)
    .reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text);
}
