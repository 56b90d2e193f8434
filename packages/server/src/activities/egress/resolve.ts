/** Name resolution, and which of a name's addresses may be connected to. */
import { lookup as systemLookup } from "node:dns/promises";
import { EgressDenied, type EgressPolicy } from "./policy.ts";

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}
/** Every address of a name, in order of preference. */
export type Resolve = (host: string) => Promise<readonly ResolvedAddress[]>;

export async function resolveWithSystem(host: string): Promise<readonly ResolvedAddress[]> {
  return systemLookup(host, { all: true, order: "verbatim" });
}

/**
 * The addresses of a name that the policy permits, at least one.
 * @throws {EgressDenied} when it permits none; an error with `ENOTFOUND` when there is none
 */
export function permittedAddresses(
  policy: EgressPolicy,
  resolve: Resolve,
): (host: string) => Promise<ResolvedAddress[]> {
  return async (host) => {
    const addresses = await resolve(host);
    const permitted = addresses.filter(({ address }) => !policy.refusal(host, address));
    if (permitted.length > 0) return permitted;
    const first = addresses[0]?.address;
    if (first === undefined) throw Object.assign(new Error("no address"), { code: "ENOTFOUND" });
    throw new EgressDenied(host, `resolves to ${first}, which ${policy.refusal(host, first)}`);
  };
}
