/** Generated programs: text with smaller programs in it, so that a failing one can be made smaller. */

export interface Tree {
  readonly parts: readonly (string | Hole)[];
  /** The text is a term: nothing around it can tear it apart. */
  readonly term: boolean;
}

export interface Hole {
  readonly tree: Tree;
  /** A term must stand here, so anything else gets parentheses. */
  readonly tight: boolean;
}

export const term = (...parts: (string | Hole)[]): Tree => ({ parts, term: true });
export const loose = (...parts: (string | Hole)[]): Tree => ({ parts, term: false });
export const hole = (tree: Tree): Hole => ({ tree, tight: false });
export const tight = (tree: Tree): Hole => ({ tree, tight: true });

export function render(tree: Tree): string {
  return tree.parts
    .map((part) => {
      if (typeof part === "string") return part;
      const text = render(part.tree);
      return part.tight && !part.tree.term ? `(${text})` : text;
    })
    .join("");
}

const SIMPLE: readonly Tree[] = [".", "null", "0", "1", "empty", '""', "[]", "{}"].map((text) =>
  term(text),
);

/** Smaller programs to try in place of one. Some do not compile: variables may have lost their binding. */
export function* smallerTrees(tree: Tree): Generator<Tree> {
  const length = render(tree).length;
  for (const simple of SIMPLE) if (render(simple).length < length) yield simple;
  yield* descendants(tree);
  for (const [at, part] of tree.parts.entries()) {
    if (typeof part === "string") continue;
    for (const smaller of smallerTrees(part.tree)) {
      yield { ...tree, parts: tree.parts.with(at, { ...part, tree: smaller }) };
    }
  }
}

function* descendants(tree: Tree): Generator<Tree> {
  for (const part of tree.parts) if (typeof part !== "string") yield part.tree;
}
