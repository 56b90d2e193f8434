/** Which documents a proto document imports, and where they are to be found. */
import { badArgument } from "../arguments.ts";

/** Comments and strings as wholes, so that an `import` inside one is none; what is never closed goes on to the line's end. */
const TOKEN =
  /\/\/[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:\\[^\n]|[^"\\\n])*"?|'(?:\\[^\n]|[^'\\\n])*'?|[A-Za-z_][\w.]*|\S/g;
const CLOSED = /^(["'])([^"'\\]*)\1$/;

/** The names that the text imports, in order. In time linear in the text, so it needs no thread of its own. */
export function importsOf(text: string): string[] {
  const names: string[] = [];
  let importing = false;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token.startsWith("//") || token.startsWith("/*")) continue;
    const name = importing ? CLOSED.exec(token)?.[2] : undefined;
    if (name !== undefined) names.push(name);
    importing = token === "import" || (importing && /^(public|weak)$/.test(token));
  }
  return names;
}

/**
 * Where an imported document may be, most likely first: beside the document that the workflow names, then below that of its
 * parent folders that holds the first folder of the import. (`greet/v1/types.proto`, imported from
 * `https://host/protos/greet/v1/greet.proto`, is `https://host/protos/greet/v1/types.proto`.)
 * @throws {ActivityFailure} `configuration` for an import that is no plain relative path
 */
export function candidates(document: URL, name: string): URL[] {
  if (!/^[\w.-]+(\/[\w.-]+)*$/.test(name) || /(^|\/)\.\.?(\/|$)/.test(name)) {
    throw badArgument("proto.endpoint", "imports something that is not a plain relative path");
  }
  const folders = document.pathname.split("/").slice(1, -1);
  const first = name.split("/")[0];
  const depths = folders.flatMap((folder, index) => (folder === first ? [index] : []));
  const nested = name.includes("/") ? depths.toReversed() : [];
  return [folders.length, ...nested].map((depth) => {
    const url = new URL(document);
    url.pathname = `/${[...folders.slice(0, depth), name].join("/")}`;
    return url;
  });
}
