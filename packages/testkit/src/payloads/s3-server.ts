/**
 * A server that speaks S3 over a folder: Versity's gateway, built once by the Go toolchain from its module into the user's cache
 * directory (a few minutes, 60 MB).
 */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { type BrokerProcess, find, launch, newFolder, unavailable } from "../brokers/process.ts";
import { freePort } from "../postgres-server.ts";

const MODULE = "github.com/versity/versitygw/cmd/versitygw";
const VERSION = "v1.8.0";
/** A cache that later runs share; removed by nobody. */
const CACHE = process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache");
const BINARY = join(CACHE, "millrace-test", `versitygw-${VERSION}`);

export interface S3Server {
  readonly url: string;
  readonly port: number;
  readonly region: string;
  /** Of whoever may do everything. */
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** There from the start, and empty. */
  readonly bucket: string;
  /** Makes an account that has no rights. */
  addUser(): { readonly accessKeyId: string; readonly secretAccessKey: string };
  log(): string;
  /** SIGKILLs it. */
  kill(): Promise<void>;
  /** Starts again after {@link kill} with the same port and data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export function s3Unavailable(): string | false {
  return existsSync(BINARY) ? false : unavailable({ go: "golang-go (1.25 or newer)" });
}

export async function startS3(): Promise<S3Server> {
  const command = buildS3Server();
  const folder = newFolder("s3");
  const [data, meta, accounts, bucket] = ["data", "meta", "accounts", "payloads"];
  for (const path of [join(data, bucket), meta, accounts])
    mkdirSync(join(folder, path), { recursive: true });
  const port = await freePort();
  const [accessKeyId, secretAccessKey] = ["millrace", randomBytes(12).toString("hex")];
  const region = "eu-central-1";
  const settings = {
    "--access": accessKeyId,
    "--secret": secretAccessKey,
    "--region": region,
    "--port": `127.0.0.1:${port}`,
    "--iam-dir": join(folder, accounts),
  };
  // Beside the files, because not every file system has extended attributes.
  const backend = ["posix", "--sidecar", join(folder, meta), join(folder, data)];
  const url = `http://127.0.0.1:${port}`;
  const start = (): Promise<BrokerProcess> =>
    launch({
      command,
      args: ["--quiet", "--keep-alive", ...Object.entries(settings).flat(), ...backend],
      folder,
      // Whoever does not sign is refused, by a server that is up.
      ready: () =>
        fetch(url).then(
          ({ status }) => status === 403,
          () => false,
        ),
    });
  let server = await start();
  return {
    url,
    port,
    region,
    credentials: { accessKeyId, secretAccessKey },
    bucket,
    addUser() {
      const user = { accessKeyId: "guest", secretAccessKey: randomBytes(12).toString("hex") };
      const account = ["--access", user.accessKeyId, "--secret", user.secretAccessKey];
      const admin = ["--access", accessKeyId, "--secret", secretAccessKey, "--region", region];
      const words = ["admin", ...admin, "--endpoint-url", url, "create-user", ...account];
      execFileSync(command, [...words, "--role", "user"], { stdio: ["ignore", "ignore", "pipe"] });
      return user;
    },
    log: () => server.log(),
    kill: () => server.kill(),
    restart: async () => {
      server = await start();
    },
    stop: () => server.stop(),
  };
}

/** @returns the path of the program. Two runs that build at the same time each build; the first to end wins. */
export function buildS3Server(): string {
  if (existsSync(BINARY)) return BINARY;
  mkdirSync(dirname(BINARY), { recursive: true });
  const fresh = mkdtempSync(`${BINARY}-`);
  try {
    execFileSync(find("go") ?? "go", ["install", "-trimpath", `${MODULE}@${VERSION}`], {
      env: { ...process.env, GOBIN: fresh, CGO_ENABLED: "0" },
      stdio: ["ignore", "ignore", "inherit"],
    });
    renameSync(join(fresh, "versitygw"), BINARY);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return BINARY;
}
