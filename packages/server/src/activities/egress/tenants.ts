/** Reads the operator's policies of single tenants from JSON. Loaded with the configuration: leaf, no client libraries. */
import { isObject } from "@millrace/language";
import { egressPolicies, type TenantEgress } from "./policy.ts";

const KEYS = ["allow", "deny", "only"] as const;

/**
 * `{"acme": {"allow": ["10.1.2.3"], "deny": ["*.example"], "only": ["*.acme.example"]}}`; empty text is no tenant.
 * @throws {RangeError} saying what is wrong and where
 */
export function parseTenantEgress(text: string): Readonly<Record<string, TenantEgress>> {
  if (text.trim() === "") return {};
  const tenants = parseJson(text);
  if (!isObject(tenants)) throw new RangeError("expected a JSON object of tenants");
  const policies = Object.entries(tenants).map(([tenant, policy]): [string, TenantEgress] => {
    if (!isObject(policy)) throw new RangeError(`${tenant}: expected an object`);
    for (const [key, list] of Object.entries(policy)) {
      if (!KEYS.some((known) => known === key)) {
        throw new RangeError(`${tenant}.${key}: expected one of ${KEYS.join(", ")}`);
      }
      if (!Array.isArray(list) || !list.every((entry) => typeof entry === "string")) {
        throw new RangeError(`${tenant}.${key}: expected a list of strings`);
      }
    }
    return [tenant, policy];
  });
  for (const [tenant, policy] of policies) {
    try {
      egressPolicies(policy);
    } catch (error) {
      throw new RangeError(`${tenant}: ${(error as Error).message}`, { cause: error });
    }
  }
  return Object.fromEntries(policies);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RangeError("expected JSON");
  }
}
