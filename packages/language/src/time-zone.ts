/** Time zones by their IANA names, as the platform knows them. */
import { suggestion } from "./nearest.ts";

/** What ICU takes for a zone and the IANA data do not know; "BST" would be Dhaka. */
const ABBREVIATIONS = new Set(
  "ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST".split(
    " ",
  ),
);

/**
 * What is wrong with the name of a time zone (any case, aliases too), with the one that was probably meant; `undefined`
 * when there is one of that name.
 */
export function timeZoneProblem(name: string): string | undefined {
  const abbreviation = ABBREVIATIONS.has(name.toUpperCase());
  if (!abbreviation && isKnown(name)) return undefined;
  const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  const what = abbreviation
    ? "is an abbreviation that means different zones to different people"
    : "is not the name of a time zone";
  return `"${shown}" ${what}${hint(shown)}; expected a name of the IANA time zone database, such as "Europe/Lisbon" or "UTC"`;
}

function isKnown(timeZone: string): boolean {
  // Offsets such as +01:00, which Intl takes too, are not names.
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(timeZone)) return false;
  try {
    return Intl.DateTimeFormat("en", { timeZone }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** The same city wherever it is, as the rest is what most people forget; else the nearest name of the same region. */
function hint(name: string): string {
  const names = Intl.supportedValuesOf("timeZone");
  const plain = name.trim().replaceAll(" ", "_").toLowerCase();
  const place = plain.slice(plain.lastIndexOf("/") + 1);
  const city = names.find((known) => known.toLowerCase().endsWith(`/${place}`));
  if (city !== undefined) return ` (did you mean "${city}"?)`;
  const region = plain.split("/", 1)[0] ?? "";
  const near = names.filter((known) => known.toLowerCase().startsWith(`${region}/`));
  return suggestion(plain, near.length > 0 ? near : names);
}
