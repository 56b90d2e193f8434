/**
 * URI templates of the DSL (reference "URI Template"): simple string expansion of RFC 6570 §3.2.2 and nothing else.
 *
 * Names are top-level properties of the task's transformed input, taken verbatim; a missing or null one gives the
 * empty string, as the reference says. Values are encoded so that none can leave its place: everything outside
 * RFC 3986's unreserved set is percent-encoded, and a value that would make a path segment `.` or `..` is refused,
 * because URL parsers resolve those even when they are encoded.
 */
import { isObject, type Json } from "@millrace/language";
import { badArgument } from "../arguments.ts";
import { ActivityFailure } from "../failure.ts";

/** Expands a template and parses the result. `path` names the argument in errors. */
export function resolveUri(template: string, data: Json, path: string): URL {
  const text = expandTemplate(template, data, path);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) throw badArgument(path, "must be an absolute URI");
  assertHttp(url, path);
  if (url.username !== "" || url.password !== "") {
    throw badArgument(path, "must not hold a user name or password; use authentication");
  }
  url.hash = "";
  return url;
}

export function expandTemplate(template: string, data: Json, path: string): string {
  const segments = splitPath(template).map((segment) => {
    const expanded = segment.replace(/\{([^{}]*)\}/g, (_, names: string) =>
      expandNames(names, data, path),
    );
    if (expanded !== segment && isDotSegment(expanded)) {
      throw new ActivityFailure(
        "expression",
        `with.${path}: ${segment} gives a "." or ".." segment`,
      );
    }
    return expanded;
  });
  const text = segments.join("");
  if (/[{}]/.test(text)) throw badArgument(path, "has an unbalanced { or }");
  return text;
}

/** Percent-encodes all but unreserved characters (RFC 3986 §2.3). */
export function encodeStrict(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** True for what WHATWG URL parsers treat as `.` or `..`. */
export function isDotSegment(segment: string): boolean {
  return /^(\.|%2e){1,2}$/i.test(segment);
}

/** How a URI stands in messages and logs: without query, where keys are often carried. */
export function describeUri(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function expandNames(names: string, data: Json, path: string): string {
  if (hasProperty(data, names)) return expandName(names, data, path);
  if (/^[+#./;?&=,!@|]/.test(names) || /(\*|:\d+)$/.test(names)) {
    throw badArgument(path, `{${names}}: only simple expansion, {name}, is supported`);
  }
  const values = names.split(",").map((name) => expandName(name, data, path));
  return values.filter((value) => value !== "").join(",");
}

function expandName(name: string, data: Json, path: string): string {
  const value = hasProperty(data, name) ? data[name] : undefined;
  if (value === undefined || value === null) return "";
  if (typeof value === "object") {
    throw new ActivityFailure(
      "expression",
      `with.${path}: {${name}} must be a string, number, boolean or null`,
    );
  }
  return encodeStrict(String(value));
}

function hasProperty(data: Json, name: string): data is Readonly<Record<string, Json>> {
  return isObject(data) && Object.hasOwn(data, name);
}

/** The template cut at `/`, `?` and `#`, separators being parts of their own. */
function splitPath(template: string): string[] {
  return template.split(/([/\\?#](?![^{]*\}))/);
}

export function assertHttp(url: URL, path: string): void {
  if (url.protocol === "http:" || url.protocol === "https:") return;
  throw badArgument(path, `has scheme ${url.protocol} where only http: and https: are allowed`);
}
