/**
 * The folder of local resources that an operator may set up: what `file:` URIs of definitions name. Host and path of the URI
 * together are a path within the folder, so `file:///app/greet.proto` and `file://app/greet.proto` name the same file.
 */
import { open, realpath } from "node:fs/promises";
import { join, sep } from "node:path";
import { ActivityFailure } from "./failure.ts";

/**
 * @param folder undefined when the operator has set up none
 * @param limit in bytes
 * @throws {ActivityFailure} `configuration` when there is no folder, or no such file of at most `limit` bytes in it;
 *   links that lead out of the folder lead nowhere
 */
export async function readLocal(
  folder: string | undefined,
  url: URL,
  limit: number,
): Promise<Buffer> {
  if (folder === undefined) {
    throw unusable(url, "no folder of local resources is set up (MILLRACE_RESOURCES)");
  }
  const name = nameOf(url);
  if (name === undefined) throw unusable(url, "is not a path within the folder of local resources");
  try {
    const root = await realpath(folder);
    const file = await realpath(join(root, name));
    if (!file.startsWith(`${root}${sep}`)) throw unusable(url, "is not in the folder");
    return await readFile(file, url, limit);
  } catch (error) {
    if (error instanceof ActivityFailure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw unusable(url, `cannot be read (${code ?? "unknown error"})`);
  }
}

async function readFile(file: string, url: URL, limit: number): Promise<Buffer> {
  const handle = await open(file, "r");
  try {
    const { size } = await handle.stat();
    if (size > limit) throw unusable(url, `is larger than ${limit} bytes`);
    // Size and content are of one moment: the file may grow meanwhile, or be a device without a size.
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Undefined for what could be no path. */
function nameOf({ host, pathname }: URL): string | undefined {
  try {
    const name = decodeURIComponent(`${host}${pathname}`).replaceAll(/^\/+|\/+$/g, "");
    return name === "" || name.includes("\0") ? undefined : name;
  } catch {
    return undefined;
  }
}

function unusable(url: URL, why: string): ActivityFailure {
  const name = `file://${url.host}${url.pathname}`;
  return new ActivityFailure("configuration", `${name}: ${why}`);
}
