/** Reads a secret from standard input: all of it, or on a terminal one line that is not shown. */
import { text } from "node:stream/consumers";
import { CommandError, EXIT } from "./exit.ts";

const END_OF_LINE = /\r?\n$/;

/** Without the end of the last line, which `echo` adds. */
export async function readSecret(prompt: string): Promise<string> {
  if (!process.stdin.isTTY) return (await text(process.stdin)).replace(END_OF_LINE, "");
  process.stderr.write(prompt);
  process.stdin.setRawMode(true);
  try {
    return await typedLine();
  } finally {
    process.stdin.setRawMode(false);
    process.stdin.pause();
    process.stderr.write("\n");
  }
}

/** In raw mode nothing is echoed, and the keys that edit and interrupt are this program's to understand. */
async function typedLine(): Promise<string> {
  process.stdin.setEncoding("utf8");
  const line: string[] = [];
  for await (const chunk of process.stdin.iterator({ destroyOnReturn: false })) {
    for (const key of String(chunk)) {
      if (key === "\r" || key === "\n" || key === "\u0004") return line.join("");
      if (key === "\u0003") throw new CommandError("interrupted", EXIT.interrupted);
      if (key === "\u007f" || key === "\b") line.pop();
      else line.push(key);
    }
  }
  return line.join("");
}
