/**
 * What a failed MCP call becomes. A JSON-RPC error is an error of type `runtime`, as the DSL reference ("MCP Call") demands;
 * no answer, or one that is not MCP, is `communication`, as for any other call.
 */
import { STATUS_CODES } from "node:http";
import { StreamableHTTPError } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpError } from "@modelcontextprotocol/sdk/types.js";
import { ActivityFailure } from "../failure.ts";
import { brief } from "../json-rpc.ts";

/** @param target what was called, for people: `tools/call at https://host/mcp` */
export function mcpFailure(error: unknown, target: string): ActivityFailure {
  if (error instanceof ActivityFailure) return error;
  if (error instanceof StreamableHTTPError) return statusFailure(error, target);
  if (error instanceof McpError) {
    const detail = `${target}: ${brief(error.message)}`;
    return new ActivityFailure("runtime", detail, { title: "MCP Error" });
  }
  if (!(error instanceof Error)) return badAnswer(`${target}: the call failed`);
  if (error instanceof SyntaxError || error.name === "ZodError")
    return badAnswer(`${target}: the answer is not valid JSON-RPC`);
  if (error.message.startsWith("Server's protocol version"))
    return badAnswer(`${target}: ${brief(error.message)}`);
  return badAnswer(`${target}: the call failed (${error.name})`);
}

export function badAnswer(detail: string): ActivityFailure {
  return new ActivityFailure("communication", detail, { status: 502, title: "Invalid Response" });
}

function statusFailure({ code, message }: StreamableHTTPError, target: string): ActivityFailure {
  if (code === undefined || code < 100)
    return badAnswer(`${target}: the answer is neither JSON nor an event stream`);
  const title = STATUS_CODES[code];
  const redirect = /Redirect to .* not followed/.exec(message)?.[0];
  const reason = redirect ?? reasonIn(message);
  const detail = `${target}: the server answered ${code}${title === undefined ? "" : ` ${title}`}`;
  return new ActivityFailure("communication", reason ? `${detail} (${brief(reason)})` : detail, {
    status: code,
  });
}

/** Servers answer a refused message with a status and a JSON-RPC error, which the SDK repeats as text. */
function reasonIn(message: string): string | undefined {
  try {
    const body: unknown = JSON.parse(message.slice(message.indexOf("{")));
    const { error } = body as { error?: { message?: unknown } };
    return typeof error?.message === "string" ? error.message : undefined;
  } catch {
    return undefined;
  }
}
