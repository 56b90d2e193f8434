/** Where functions are: the file structure of catalogs, and the raw content of Git hosts (DSL "Catalogs", "File Structure"). */

/**
 * Where a catalog has a function: `functions/{name}/{version}/function.yaml` below its root (DSL "File Structure").
 * @param root the catalog's endpoint, an absolute URL
 */
export function catalogFunctionUrl(root: string, name: string, version: string): string {
  const url = rawContent(new URL(root), true);
  const path = ["functions", name, version, "function.yaml"].map(encodeURIComponent).join("/");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${path}`;
  return url.href;
}

/** The address of a function's document: that of the page a Git host shows it on is turned into its raw content's. */
export function functionUrl(address: string): string {
  return rawContent(new URL(address), false).href;
}

/**
 * Pages of repositories, turned into their raw content (DSL "File Structure"): `/tree/` and `/blob/` of GitHub,
 * `/-/tree/` and `/-/blob/` of any GitLab, and, for catalogs, the front page of a repository, whose branch is `main`.
 */
function rawContent(url: URL, catalog: boolean): URL {
  const [, owner, repository = "", ...rest] = url.pathname.replace(/\/+$/, "").split("/");
  if (/^(www\.)?github\.com$/.test(url.host) && owner !== undefined && repository !== "") {
    const raw = new URL("https://raw.githubusercontent.com");
    const parts = githubPath(rest, catalog);
    if (parts === undefined) return url;
    raw.pathname = [owner, repository.replace(/\.git$/, ""), ...parts].join("/");
    return raw;
  }
  const gitlab = url.pathname.replace(/^(.+)\/-\/(?:tree|blob)\//, "$1/-/raw/");
  if (gitlab !== url.pathname) return withPath(url, gitlab);
  const front = catalog && url.host === "gitlab.com" && repository !== "";
  if (!front || url.pathname.includes("/-/")) return url;
  return withPath(url, `${url.pathname.replace(/(\.git)?\/*$/, "")}/-/raw/main`);
}

function withPath(url: URL, path: string): URL {
  const changed = new URL(url);
  changed.pathname = path;
  return changed;
}

/** What stands behind owner and repository in the address of the raw content; `undefined` for any other page. */
function githubPath(rest: readonly string[], catalog: boolean): readonly string[] | undefined {
  const [page, reference, ...path] = rest;
  if (page === undefined) return catalog ? ["refs", "heads", "main"] : undefined;
  if ((page === "tree" || page === "blob") && reference !== undefined)
    return [...referenceParts(reference), ...path];
  return undefined;
}

/** A commit and what looks like the tag of a version stand for themselves; anything else is a branch. */
function referenceParts(reference: string): readonly string[] {
  const fixed = /^[0-9a-f]{40}$|^v?\d+(\.\d+)+/.test(reference);
  return reference === "refs" || fixed ? [reference] : ["refs", "heads", reference];
}
