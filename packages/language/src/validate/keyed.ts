/** Unions whose member is told by a key: tasks, authentication schemes, processes, backoffs. */
import { isObject } from "../json.ts";
import type { JsonObject } from "../json.ts";
import { suggestion } from "../nearest.ts";
import type { KeyedShape, ObjectShape, TaggedShape } from "../schema/type.ts";
import { mismatch, Walk } from "./walk.ts";

interface Candidate {
  readonly key: string;
  readonly shape: ObjectShape;
}

/** Looks at the member that was meant; passed in, because members hold unions again. */
type CheckObject = (shape: ObjectShape, value: unknown, walk: Walk) => void;

/** Exactly one member may match; issues are those of the member whose key is there. */
export function checkKeyed(
  shape: KeyedShape,
  value: unknown,
  walk: Walk,
  checkObject: CheckObject,
): void {
  if (!isObject(value)) return mismatch(walk, value, `an object (one ${shape.what})`);
  const keys = shape.members.map((member) => member.key);
  const present = shape.members
    .filter((member) => Object.hasOwn(value, member.key))
    .map((member): Candidate => ({ key: member.key, shape: memberShape(member.of, value) }));
  const possible = present.filter((one) => knowsAll(one.shape, present));
  const [first, ...others] = possible;
  if (present.length === 0) return reportNone(shape, keys, value, walk);
  if (first === undefined) return reportSeveral(shape, present, walk);
  if (others.length === 0) return checkObject(first.shape, value, walk);
  const matching = possible.filter((one) => matches(one.shape, value, walk, checkObject));
  if (matching.length !== 1) reportSeveral(shape, possible, walk);
}

function memberShape(of: ObjectShape | TaggedShape, value: JsonObject): ObjectShape {
  return of.kind === "tagged" ? taggedMember(of, value) : of;
}

/** A closed member cannot match while another member's key, unknown to it, is there. */
function knowsAll(shape: ObjectShape, present: readonly Candidate[]): boolean {
  return shape.open || present.every((other) => Object.hasOwn(shape.properties, other.key));
}

function matches(
  shape: ObjectShape,
  value: JsonObject,
  walk: Walk,
  checkObject: CheckObject,
): boolean {
  const trial = new Walk(walk.path);
  checkObject(shape, value, trial);
  return trial.issues.length === 0;
}

function reportNone(shape: KeyedShape, keys: string[], value: JsonObject, walk: Walk): void {
  const written = Object.keys(value).find((key) => suggestion(key, keys) !== "");
  const hint = written === undefined ? "" : `; "${written}" is not one${suggestion(written, keys)}`;
  walk.report(
    "choice",
    `no ${shape.what}: expected one of ${keys.join(", ")}${hint}`,
    keys.join(", "),
  );
}

function reportSeveral(shape: KeyedShape, present: readonly Candidate[], walk: Walk): void {
  const names = present.map((one) => one.key).join(" and ");
  walk.report("choice", `more than one ${shape.what}: ${names}; keep one of them`);
}

/** The member that the tag's value names. */
export function taggedMember(shape: TaggedShape, value: JsonObject): ObjectShape {
  const tag = value[shape.tag];
  const known = typeof tag === "string" && Object.hasOwn(shape.members, tag);
  return (known ? shape.members[tag] : undefined) ?? shape.otherwise;
}
