/** Writes the generated pages of `docs/`: `npm run docs -w @millrace/server`. */
import { writeFileSync } from "node:fs";
import { configPage } from "../src/config-page.ts";

writeFileSync(new URL("../../../docs/configuration.md", import.meta.url), configPage());
