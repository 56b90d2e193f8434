/** Which bucket, and where: `s3://bucket/prefix?endpoint=https://…&region=…&pathStyle=true`. */
import { ConfigError } from "../../settings.ts";

export interface S3Settings {
  readonly bucket: string;
  /** Empty, or ends in `/`; what stands before every key. */
  readonly prefix: string;
  /** Amazon's of the region unless given. */
  readonly endpoint?: string;
  /** AWS_REGION, or that of the profile, unless given. */
  readonly region?: string;
  /** The bucket stands in the path (`https://host/bucket/key`), not in the name of the host. */
  readonly pathStyle: boolean;
}

const EXAMPLE =
  "s3://bucket/prefix?region=eu-central-1, or s3://bucket?endpoint=https://minio.example:9000";
/** Lengths and letters as Amazon has them; other makers allow no fewer. */
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
/** Letters that need no escaping anywhere, so that a key is the same for whoever looks at the bucket. */
const PREFIX = /^([A-Za-z0-9!_.*'()-]+\/)*$/;
const PARAMETERS = ["endpoint", "region", "pathStyle"];

/** @throws {ConfigError} saying what was expected, without repeating a text that may hold credentials */
export function s3Settings(text: string): S3Settings {
  if (!URL.canParse(text) || !text.startsWith("s3://"))
    throw new ConfigError(`expected ${EXAMPLE}`);
  const url = new URL(text);
  if (url.username !== "" || url.password !== "")
    throw new ConfigError(
      "credentials do not belong here: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or let the role of the machine give them",
    );
  if (!BUCKET.test(url.host))
    throw new ConfigError(
      `expected the name of a bucket after s3:// (3 to 63 lower-case letters, digits, dots and hyphens): ${EXAMPLE}`,
    );
  if (url.hash !== "") throw new ConfigError(`nothing may follow a #; expected ${EXAMPLE}`);
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(`unknown parameter ${unknown}; there are ${PARAMETERS.join(", ")}`);
  const endpoint = endpointOf(url.searchParams.get("endpoint"));
  const region = regionOf(url.searchParams.get("region"));
  return {
    bucket: url.host,
    prefix: prefixOf(url.pathname),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    // Few servers but Amazon's answer to a host name for each bucket.
    pathStyle: pathStyleOf(url.searchParams.get("pathStyle"), endpoint !== undefined),
  };
}

function prefixOf(path: string): string {
  const inner = path.replace(/^\/+/, "").replace(/\/+$/, "");
  const prefix = inner === "" ? "" : `${inner}/`;
  if (PREFIX.test(prefix) && prefix.length <= 512) return prefix;
  throw new ConfigError(
    "the prefix after the bucket may have letters, digits, slashes and !_.*'()-, 512 at most",
  );
}

function endpointOf(text: string | null): string | undefined {
  if (text === null) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isBare =
    (url?.protocol === "http:" || url?.protocol === "https:") &&
    `${url.username}${url.password}${url.search}${url.hash}` === "";
  if (url !== undefined && isBare) return url.href.replace(/\/$/, "");
  throw new ConfigError(
    "endpoint: expected http://host:port or https://host:port without user, query or fragment",
  );
}

function regionOf(text: string | null): string | undefined {
  if (text === null || /^[A-Za-z0-9-]{1,64}$/.test(text)) return text ?? undefined;
  throw new ConfigError("region: expected a name such as eu-central-1");
}

function pathStyleOf(text: string | null, fallback: boolean): boolean {
  if (text === null) return fallback;
  if (text === "true" || text === "false") return text === "true";
  throw new ConfigError("pathStyle: expected true or false");
}
