/** Replaces references to `use.authentications` by the policies themselves (DSL reference "Authentication"). */
import { isObject, type Json, type JsonObject } from "../json.ts";
import { suggestion } from "../nearest.ts";
import { asObject, asText, down, type Place, report } from "./place.ts";
import { lookUp } from "./use.ts";

/**
 * The arguments of a call with the policy at each of the given paths resolved. Only these places are looked at: a body or
 * a parameter that happens to be called `authentication` is the user's data.
 */
export function withPolicies(
  value: JsonObject,
  paths: readonly (readonly string[])[],
  place: Place,
): JsonObject {
  let result = value;
  for (const path of paths) result = asObject(replaceAt(result, path, place));
  return result;
}

function replaceAt(value: Json, path: readonly string[], place: Place): Json {
  const [key, ...rest] = path;
  if (key === undefined) return policyOf(value, place);
  if (!isObject(value) || !Object.hasOwn(value, key)) return value;
  return { ...value, [key]: replaceAt(value[key] ?? null, rest, down(place, key)) };
}

function policyOf(value: Json, place: Place): Json {
  const { use } = asObject(value);
  if (typeof use !== "string") {
    checkSecretReference(value, place);
    return value;
  }
  const used = lookUp("authentications", use, down(place, "use"));
  if (used !== undefined) checkSecretReference(used.value, used.place);
  return used?.value ?? {};
}

/** `basic: { use: name }` takes the credentials from a secret, which must be listed. */
function checkSecretReference(policy: Json, place: Place): void {
  for (const [scheme, credentials] of Object.entries(asObject(policy))) {
    const { use } = asObject(credentials);
    const { secrets } = place.of;
    if (typeof use !== "string" || secrets.has(use)) continue;
    const message = `secret "${asText(use)}" is not listed in use.secrets${suggestion(use, secrets)}`;
    report(down(place, scheme, "use"), "reference", message);
  }
}
