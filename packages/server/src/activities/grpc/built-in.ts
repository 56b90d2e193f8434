/** The proto documents that need no fetching: Google's well-known types and what often stands beside them. */

/** What each of them imports, by the name that an `import` gives. */
const DEPENDENCIES: Readonly<Record<string, readonly string[]>> = {
  "google/protobuf/any.proto": [],
  "google/protobuf/duration.proto": [],
  "google/protobuf/empty.proto": [],
  "google/protobuf/field_mask.proto": [],
  "google/protobuf/struct.proto": [],
  "google/protobuf/timestamp.proto": [],
  "google/protobuf/wrappers.proto": [],
  "google/protobuf/descriptor.proto": [],
  "google/protobuf/source_context.proto": [],
  "google/protobuf/type.proto": [
    "google/protobuf/any.proto",
    "google/protobuf/source_context.proto",
  ],
  "google/protobuf/api.proto": ["google/protobuf/type.proto"],
  "google/api/http.proto": [],
  "google/api/annotations.proto": ["google/api/http.proto", "google/protobuf/descriptor.proto"],
};

export function isBuiltIn(name: string): boolean {
  return Object.hasOwn(DEPENDENCIES, name);
}

/** The names given and all that those import, each once. */
export function withDependencies(names: Iterable<string>): ReadonlySet<string> {
  const all = new Set<string>();
  const add = (name: string): void => {
    if (all.has(name)) return;
    all.add(name);
    for (const imported of DEPENDENCIES[name] ?? []) add(imported);
  };
  for (const name of names) add(name);
  return all;
}
