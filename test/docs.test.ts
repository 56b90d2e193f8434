/** The documentation holds together: every link leads somewhere, and every page can be found. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

const root = join(import.meta.dirname, "..");
const pages = globSync("{*.md,{docs,examples,packages,bench}/**/*.md}", {
  cwd: root,
  exclude: (name) => name === "node_modules",
});
const read = (page: string): string => readFileSync(join(root, page), "utf8");

/** Without fenced code and code spans, where brackets are no links. */
function prose(page: string): string {
  return read(page)
    .replaceAll(/^```[\s\S]*?^```$/gm, "")
    .replaceAll(/`[^`\n]*`/g, "code");
}

/** What GitHub makes of headings, and anchors that are written out. */
function anchors(page: string): ReadonlySet<string> {
  const headings = Array.from(read(page).matchAll(/^#+ (.*)$/gm), ([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
  const written = Array.from(read(page).matchAll(/<a id="([^"]+)">/g), ([, id = ""]) => id);
  return new Set([...headings, ...written]);
}

interface Link {
  readonly page: string;
  readonly target: string;
}

const links: readonly Link[] = pages.flatMap((page) =>
  Array.from(prose(page).matchAll(/\]\(([^)\s]+)\)/g), ([, target = ""]) => ({
    page,
    target,
  })).filter(({ target }) => !/^[a-z]+:/.test(target)),
);

test("there are pages and links to look at", () => {
  assert.ok(
    pages.length > 30 && links.length > 100,
    `${pages.length} pages, ${links.length} links`,
  );
});

test("every link within the repository leads somewhere", () => {
  const broken = links.filter(({ page, target }) => {
    const [path = "", anchor] = target.split("#");
    const file = path === "" ? page : relative(root, join(root, dirname(page), path));
    if (!existsSync(join(root, file))) return true;
    return anchor !== undefined && file.endsWith(".md") && !anchors(file).has(anchor);
  });
  assert.deepEqual(broken, []);
});

for (const [index, folder] of [
  ["docs/README.md", "docs"],
  ["docs/adr/README.md", "docs/adr"],
] as const) {
  test(`${index} names every page of its folder`, () => {
    const named = new Set(links.filter(({ page }) => page === index).map(({ target }) => target));
    const there = globSync("*.md", { cwd: join(root, folder) }).filter(
      (page) => page !== "README.md",
    );
    assert.deepEqual(
      there.filter((page) => !named.has(page)),
      [],
    );
  });
}

test("the README leads to every guide, or to the list of them", () => {
  assert.ok(links.some(({ page, target }) => page === "README.md" && target === "docs/README.md"));
});
