/** A copy of the sources in which one planted bug at a time is put in and taken out again. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Mutant, occurrences } from "./mutant.ts";

const PARTS = ["packages", "scripts", "package.json"];
/** Links of the workspace, which in the copy point into the copy. */
const OURS = "@millrace";

export class SourceCopy {
  readonly root = mkdtempSync(join(tmpdir(), "millrace-mutants-"));

  constructor(original: string) {
    const filter = (path: string): boolean => !path.endsWith("/node_modules");
    for (const part of PARTS)
      cpSync(join(original, part), join(this.root, part), { recursive: true, filter });
    const modules = join(this.root, "node_modules");
    mkdirSync(join(modules, OURS), { recursive: true });
    for (const name of readdirSync(join(original, "node_modules")))
      if (name !== OURS) symlinkSync(join(original, "node_modules", name), join(modules, name));
    for (const name of readdirSync(join(this.root, "packages")))
      symlinkSync(join(this.root, "packages", name), join(modules, OURS, name));
  }

  /** Puts a bug in; answers the function that takes it out. @throws {Error} when a place is not there exactly once */
  plant({ name, edits }: Mutant): () => void {
    const before = new Map<string, string>();
    for (const { file, find, replace } of edits) {
      const path = join(this.root, file);
      const text = readFileSync(path, "utf8");
      if (!before.has(path)) before.set(path, text);
      if (occurrences(text, find) !== 1)
        throw new Error(`${name}: what it changes is not once in ${file}`);
      writeFileSync(
        path,
        text.replace(find, () => replace),
      );
    }
    return () => {
      for (const [path, text] of before) writeFileSync(path, text);
    };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
