/** Time zones by their IANA names, as the platform knows them. */
import { nearest } from "../nearest.ts";

/** What is wrong with the name of a time zone, with the one that was probably meant; `undefined` when there is one of it. */
export function timeZoneProblem(name: string): string | undefined {
  if (/^[A-Za-z]/.test(name) && isKnown(name)) return undefined;
  const meant = probable(name);
  const hint = meant === undefined ? "" : ` (did you mean "${meant}"?)`;
  return `${JSON.stringify(name)} is no IANA time zone such as Europe/Lisbon or UTC${hint}`;
}

function isKnown(timeZone: string): boolean {
  try {
    return Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** The same place in another region first, then a place of the same region that is spelt alike. */
function probable(name: string): string | undefined {
  const zones = Intl.supportedValuesOf("timeZone");
  const wanted = name.trim().replaceAll(" ", "_").toLowerCase();
  const placeOf = (zone: string): string => zone.slice(zone.lastIndexOf("/") + 1).toLowerCase();
  const regionOf = (zone: string): string => zone.split("/", 1)[0]?.toLowerCase() ?? "";
  const samePlace = zones.find((zone) => placeOf(zone) === placeOf(wanted));
  if (samePlace !== undefined) return samePlace;
  return nearest(
    wanted,
    zones.filter((zone) => regionOf(zone) === regionOf(wanted)),
  );
}
