/** The methods of A2A that the DSL names, which are those of A2A 0.3, and how A2A 1.0 calls them. */
import { createHash } from "node:crypto";
import { isObject, type JsonObject } from "@millrace/language";

export type A2aVersion = "0.3" | "1.0";

const METHODS: Readonly<Record<string, { readonly name10: string; readonly streams?: true }>> = {
  "message/send": { name10: "SendMessage" },
  "message/stream": { name10: "SendStreamingMessage", streams: true },
  "tasks/get": { name10: "GetTask" },
  "tasks/list": { name10: "ListTasks" },
  "tasks/cancel": { name10: "CancelTask" },
  "tasks/resubscribe": { name10: "SubscribeToTask", streams: true },
  "tasks/pushNotificationConfig/set": { name10: "CreateTaskPushNotificationConfig" },
  "tasks/pushNotificationConfig/get": { name10: "GetTaskPushNotificationConfig" },
  "tasks/pushNotificationConfig/list": { name10: "ListTaskPushNotificationConfigs" },
  "tasks/pushNotificationConfig/delete": { name10: "DeleteTaskPushNotificationConfig" },
  "agent/getAuthenticatedExtendedCard": { name10: "GetExtendedAgentCard" },
};

export const methodNames = Object.keys(METHODS);

/** Whether the answer is a sequence of results. */
export function streams(method: string): boolean {
  return METHODS[method]?.streams === true;
}

export function nameIn(version: A2aVersion, method: string): string {
  return version === "0.3" ? method : (METHODS[method]?.name10 ?? method);
}

/**
 * The parameters with what the DSL has to be defaulted in a message: an id and a role. The id is the same for each delivery
 * of an activity, so that an agent can recognise the second.
 * @param key unique to the activity within its tenant
 */
export function withDefaults(
  method: string,
  parameters: JsonObject,
  version: A2aVersion,
  key: string,
): JsonObject {
  const { message } = parameters;
  if (!method.startsWith("message/") || !isObject(message)) return parameters;
  const messageId = message["messageId"] ?? uuidOf(key);
  const role = message["role"] ?? "user";
  // Only 0.3 tells the kinds of things apart by a member.
  const kind = version === "0.3" ? { kind: "message" } : {};
  const written = version === "1.0" && (role === "user" || role === "agent");
  const spelled = written ? `ROLE_${role.toUpperCase()}` : role;
  return { ...parameters, message: { ...kind, ...message, messageId, role: spelled } };
}

/** An UUID that follows from a text (RFC 9562 section 5.8, version 8). */
export function uuidOf(text: string): string {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
