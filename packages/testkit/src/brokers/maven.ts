/** Servers that come as Maven artefacts: their jars, fetched once into the user's cache directory. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** A cache that later runs share; removed by nobody. */
const CACHE = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");

/** Group, name, version. */
export type Artefact = readonly [string, string, string];

/**
 * The folder with the jars of these and all they depend on. Two runs that fetch at the same time each fetch; the first to end
 * wins.
 * @param name of the folder, with the version
 */
export function mavenLibraries(name: string, artefacts: readonly Artefact[]): string {
  const folder = join(CACHE, "millrace-test", name);
  if (existsSync(folder)) return folder;
  mkdirSync(dirname(folder), { recursive: true });
  const fresh = mkdtempSync(`${folder}-`);
  try {
    const pom = join(fresh, "pom.xml");
    writeFileSync(pom, pomOf(artefacts));
    const goal = ["dependency:copy-dependencies", "-DincludeScope=runtime"];
    execFileSync(
      "mvn",
      ["-q", "-B", "-f", pom, ...goal, `-DoutputDirectory=${join(fresh, "lib")}`],
      {
        stdio: ["ignore", "ignore", "inherit"],
      },
    );
    renameSync(join(fresh, "lib"), folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

function pomOf(artefacts: readonly Artefact[]): string {
  const dependencies = artefacts.map(
    ([group, name, version]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`,
  );
  return `<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion>
<groupId>millrace.test</groupId><artifactId>libraries</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>
${dependencies.join("\n")}
</dependencies>
</project>
`;
}
