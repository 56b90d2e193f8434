/** `node jq-process.ts MODULE QUICK`: runs the module's `jqBench` and reports its figures over the channel. */
import { pathToFileURL } from "node:url";
import type { Figure } from "../figure.ts";

const [module = "", quick = ""] = process.argv.slice(2);
const { jqBench } = (await import(pathToFileURL(module).href)) as {
  readonly jqBench: (options: { readonly quick: boolean }) => Promise<readonly Figure[]>;
};
const figures = await jqBench({ quick: quick === "true" });
process.send?.(figures, () => process.exit(0));
