/** Conditional requests (RFC 9110 section 13) on what never changes. Dates are not given, and so not compared. */

/** As it stands in `ETag`, quotes included. */
export type EntityTag = string;

/** Tags of a list; a list that cannot be read names none. */
function tagsOf(header: string): readonly EntityTag[] | "*" {
  const text = header.trim();
  if (text === "*") return "*";
  return LIST.test(text) ? (text.match(TAG) ?? []) : [];
}

const TAG = /(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g;
const LIST = new RegExp(`^[ \\t,]*${TAG.source}(?:[ \\t]*,[ \\t,]*${TAG.source})*[ \\t,]*$`);

const opaque = (tag: EntityTag): string => tag.replace(/^W\//, "");

/** Whether `If-Match` lets a request go on for what has this strong tag. */
export function isMatched(ifMatch: string | undefined, tag: EntityTag): boolean {
  if (ifMatch === undefined) return true;
  const tags = tagsOf(ifMatch);
  return tags === "*" || tags.includes(tag);
}

/** Of the tags of what could be answered, the one that `If-None-Match` says the caller has. */
export function knownTag(
  ifNoneMatch: string | undefined,
  candidates: readonly EntityTag[],
): EntityTag | undefined {
  if (ifNoneMatch === undefined) return undefined;
  const tags = tagsOf(ifNoneMatch);
  if (tags === "*") return candidates[0];
  const known = new Set(tags.map(opaque));
  return candidates.find((tag) => known.has(opaque(tag)));
}

/** Whether `If-Range` lets a range of what has this strong tag be served. A date never does. */
export function isSameForRange(ifRange: string | undefined, tag: EntityTag): boolean {
  return ifRange === undefined || ifRange.trim() === tag;
}
