/** Replaces references to `use.authentications` by the policies themselves (DSL reference "Authentication"). */
import { isObject, type Json, type JsonObject } from "../json.ts";
import { suggestion } from "../nearest.ts";
import { asObject, down, type Place, report } from "./place.ts";
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
  if (typeof use !== "string") return withSecret(value, place);
  const used = lookUp("authentications", use, down(place, "use"));
  return used === undefined ? {} : withSecret(used.value, used.place);
}

/**
 * `basic: { use: name }` takes the credentials from a secret, which must be listed: it becomes an expression that gives the
 * secret's value, an object as the scheme describes it; for `bearer` a text will do, the token itself.
 */
function withSecret(policy: Json, place: Place): Json {
  if (!isObject(policy)) return policy;
  const entries = Object.entries(policy).map(([scheme, credentials]): [string, Json] => {
    const { use } = asObject(credentials);
    if (typeof use !== "string") return [scheme, credentials];
    const { secrets } = place.of;
    if (!secrets.has(use)) {
      const message = `secret "${use}" is not listed in use.secrets${suggestion(use, secrets)}`;
      report(down(place, scheme, "use"), "reference", message);
      return [scheme, credentials];
    }
    const value = `$secrets[${JSON.stringify(use)}]`;
    const token = 'if type == "string" then { token: . } else . end';
    return [scheme, `\${ ${scheme === "bearer" ? `${value} | ${token}` : value} }`];
  });
  return Object.fromEntries(entries);
}
