/** The formats asserted in users' schemas; other names are annotations, as the standard says. */
import { hasFormat, isDate, isTime } from "../validate/formats.ts";

const checks: Readonly<Record<string, (text: string) => boolean>> = {
  "date-time": (text) => hasFormat("date-time", text),
  "uri-reference": (text) => hasFormat("uri-reference", text),
  "uri-template": (text) => hasFormat("uri-template", text),
  "json-pointer": (text) => hasFormat("json-pointer", text),
  date: isDate,
  time: isTime,
  uri: (text) => /^[a-z][a-z\d+.-]*:/i.test(text) && hasFormat("uri-reference", text),
  email: (text) => /^[^\s@"]{1,64}@[^\s@.]+(?:\.[^\s@.]+)*$/.test(text),
  uuid: (text) => /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(text),
  hostname: (text) =>
    text.length <= 253 &&
    text.split(".").every((label) => /^[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?$/i.test(label)),
  ipv4: (text) =>
    /^\d{1,3}(?:\.\d{1,3}){3}$/.test(text) &&
    text.split(".").every((part) => Number(part) < 256 && String(Number(part)) === part),
  duration: (text) =>
    /^P(?!$)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+S)?)?)$/.test(
      text,
    ),
};

export function isOfFormat(name: string, text: string): boolean {
  const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
  return check === undefined || check(text);
}
