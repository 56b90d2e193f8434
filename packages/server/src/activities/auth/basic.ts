/** Basic (RFC 7617) and bearer (RFC 6750) credentials: one header, known beforehand. */
import type { JsonObject } from "@millrace/language";
import { badArgument, requiredString } from "../arguments.ts";
import type { Credentials } from "../http/exchange.ts";
import { addHeader } from "../http/request.ts";
import { userPassword } from "./user-password.ts";

export function basicCredentials(policy: JsonObject, path: string): Credentials {
  const { username, password } = userPassword(policy, path);
  if (username.includes(":")) throw badArgument(`${path}.username`, "must not hold a colon");
  const token = Buffer.from(`${username}:${password}`, "utf8").toString("base64");
  return fixed(`Basic ${token}`, path);
}

export function bearerCredentials(policy: JsonObject, path: string): Credentials {
  return fixed(`Bearer ${requiredString(policy, "token", `${path}.token`)}`, path);
}

function fixed(value: string, path: string): Credentials {
  const headers: Record<string, string> = {};
  addHeader(headers, "authorization", value, path);
  return { headers: () => Promise.resolve(headers) };
}
