/** Definitions from files, with every issue told, and with what they take from outside. */
import { formatIssue, load, type Loaded, type Program } from "@millrace/language";
import type { DocumentFetcher } from "@millrace/server/external";
import { readText } from "./arguments.ts";
import { complain } from "./output.ts";

/**
 * The program of a definition; `undefined` when it has issues, which then are on standard error.
 * @param fetcher gets the functions and schemas that the definition takes from outside
 */
export async function readProgram(
  file: string,
  fetcher: DocumentFetcher,
): Promise<Program | undefined> {
  const text = readText(file);
  const alone = load(text, { file });
  const loaded = alone.ok && alone.missing.length > 0 ? await complete(text, file, fetcher) : alone;
  if (loaded.ok) return loaded.program;
  for (const issue of loaded.issues) complain(formatIssue(issue));
  return undefined;
}

async function complete(text: string, file: string, fetcher: DocumentFetcher): Promise<Loaded> {
  const { directoryCatalog, loadComplete, resourceSource } = await import(
    "@millrace/server/external"
  );
  const folder = process.env["MILLRACE_CATALOG_FOLDER"];
  const catalog =
    folder === undefined ? { read: () => Promise.resolve(undefined) } : directoryCatalog(folder);
  return (
    await loadComplete(text, { file }, resourceSource({ tenant: "default", fetcher, catalog }))
  ).loaded;
}
