/** Changes a JSON document at random places. */
import type { Json } from "@millrace/language";
import type { Random } from "../random.ts";
import { oddJson, oddString } from "../values.ts";

type Holder = Record<string | number, Json>;

// biome-ignore format: a pool of names of the language, and of none
const NAMES = [
  "call", "do", "for", "fork", "set", "try", "catch", "wait", "with", "then", "use", "raise", "run", "emit", "listen",
  "switch", "if", "input", "output", "export", "timeout", "metadata", "from", "as", "schema", "in", "each", "at", "while",
  "retry", "errors", "when", "bogus", "__proto__", "toString", "", "a/b", "a~b",
];

/** A changed copy: one to four changes. */
export function damageJson(original: Json, random: Random): Json {
  const copy = { root: structuredClone(original) };
  const changes = 1 + random.small(3);
  for (let n = 0; n < changes; n += 1) change(copy, random);
  return copy.root;
}

function change(copy: { root: Json }, random: Random): void {
  const places = holders(copy.root);
  if (places.length === 0 || random.chance(0.005)) {
    copy.root = oddJson(random);
    return;
  }
  const holder = random.pick(places);
  const names = Object.keys(holder);
  const name = names.length === 0 ? "bogus" : random.pick(names);
  switch (random.below(7)) {
    case 0:
      remove(holder, name);
      return;
    case 1:
      put(holder, random.chance(0.9) ? random.pick(NAMES) : oddString(random, 50), oddJson(random));
      return;
    case 2:
      put(holder, name, structuredClone(random.pick(places)));
      return;
    case 3: {
      const value = holder[name] as Json;
      remove(holder, name);
      put(holder, random.pick(NAMES), value ?? null);
      return;
    }
    case 4:
      put(holder, name, [holder[name] ?? null]);
      return;
    case 5:
      put(holder, name, oddString(random, 3_000));
      return;
    default:
      put(holder, name, oddJson(random));
  }
}

function remove(holder: Holder, name: string): void {
  if (Array.isArray(holder)) holder.splice(Number(name), 1);
  else delete holder[name];
}

/** As an own property, whatever its name; in a list at the place or the end. */
function put(holder: Holder, name: string, value: Json): void {
  if (Array.isArray(holder)) holder[Number(name) >= 0 ? Number(name) : holder.length] = value;
  else
    Object.defineProperty(holder, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

function holders(value: Json): Holder[] {
  if (typeof value !== "object" || value === null) return [];
  return [value as Holder, ...Object.values(value).flatMap((inner) => holders(inner))];
}
