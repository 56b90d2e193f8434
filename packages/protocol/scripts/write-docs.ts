/** Writes the generated pages of `docs/`: `npm run docs -w @millrace/protocol`. */
import { writeFileSync } from "node:fs";
import { errorsPage } from "../src/errors-page.ts";

writeFileSync(new URL("../../../docs/errors.md", import.meta.url), errorsPage());
