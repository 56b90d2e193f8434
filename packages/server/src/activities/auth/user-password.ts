import type { JsonObject } from "@millrace/language";
import { badArgument, isScalar, requiredString } from "../arguments.ts";

export interface UserPassword {
  readonly username: string;
  readonly password: string;
}

/** `username` and `password` of a policy. YAML makes numbers of passwords such as `1234`; they are meant as text. */
export function userPassword(policy: JsonObject, path: string): UserPassword {
  const username = requiredString(policy, "username", `${path}.username`);
  const password = policy["password"];
  if (!isScalar(password)) throw badArgument(`${path}.password`, "required");
  return { username, password: String(password) };
}
