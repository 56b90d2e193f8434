/** Generates programs by the grammar: weighted, seeded, and mostly of kinds that fit together. */
import { KEYS, key, KINDS, number, string } from "./documents.ts";
import type { Kind } from "./documents.ts";
import type { Random } from "./random.ts";
import { FORMS } from "./forms.ts";
import type { Form } from "./forms.ts";
import { TEMPLATES } from "./templates.ts";
import type { Template, Want } from "./templates.ts";
import { hole, loose, term, tight } from "./tree.ts";
import type { Hole, Tree } from "./tree.ts";

/** What a piece of program can see. */
export interface Scope {
  readonly input: Kind;
  readonly depth: number;
  readonly variables: readonly { readonly name: string; readonly kind: Kind }[];
  /** Functions and their number of parameters. */
  readonly functions: readonly { readonly name: string; readonly parameters: number }[];
  readonly labels: readonly string[];
}

const REGEXES = [
  "a",
  "",
  "b+",
  ".",
  "[a-c]",
  "(a)(b)?",
  "^a",
  "b$",
  "\\\\d+",
  "\\\\s*",
  "(?<x>[a-z])",
  "a|b",
  "(?<n>\\\\d)|(?<l>[a-z])",
  "x*",
  "\\\\bb",
  "(?i)AB",
  "[^a]",
  "(?=b)",
  "\\\\w",
  ", *",
  "(a|b)*c",
  "😀|é",
  "a{2}",
  "\\\\p{L}",
  "(",
  "(?<y>z)?",
  "a.c",
  "(?:a)(b)",
  "[[:alpha:]]+",
  "$",
] as const; // prettier-ignore
const FLAGS = ['"g"', "null", '"i"', '"gi"', '"n"', '"gn"', '"x"', '"s"', '"gx"', '"l"'] as const;

/** Which kinds do where one is wanted. */
function fits(want: Want, given: Want): boolean {
  if (want === given) return true;
  if (want === "path" || given === "path") return false;
  return want === "any" || (want === "arr" && ["nums", "strs", "objs"].includes(given));
}

const TERM =
  /^(?:\.|[a-z_0-9@]+|\.[a-z]+|\.\[[^[\]]*\]|"[^"\\]*"|[-\w]+\([^()]*\)|\[[^[\]]*\]|\{[^{}]*\})$/;
const PART = /«([^»]+)»/;

export class Generator {
  readonly random: Random;
  private readonly templates: readonly Template[];
  private names = 0;

  /** `templates` are the rules the reference knows. */
  constructor(random: Random, templates: readonly Template[] = TEMPLATES) {
    this.random = random;
    this.templates = templates;
  }

  name(): string {
    return `v${this.names++}`;
  }

  /** A program that gives a kind, more or less. */
  make(want: Want, scope: Scope): Tree {
    const { random } = this;
    if (scope.depth <= 0 || random.chance(0.1)) return this.leaf(want, scope);
    // Now and then nothing fits: errors have to be the same, too.
    if (random.chance(0.04) && want !== "path")
      return this.apply(random.pick(this.templates), scope);
    if (random.chance(0.22) && want !== "path" && want !== "null") return this.through(want, scope);
    const forms = FORMS.filter((form) => want !== "path" || form.givesPaths);
    if (random.chance(0.17)) return this.form(random.weighted(forms), want, scope);
    return this.apply(this.choose(want, scope.input), scope);
  }

  private form(form: Form, want: Want, scope: Scope): Tree {
    return form.make(this, want, { ...scope, depth: scope.depth - 1 });
  }

  private choose(want: Want, input: Kind): Template {
    const usable = this.templates.filter((one) => fits(want, one.want) && fits(one.needs, input));
    return this.random.weighted(usable);
  }

  /** `a | b`, where b needs what a gives. */
  private through(want: Want, scope: Scope): Tree {
    const usable = this.templates.filter((one) => fits(want, one.want) && one.needs !== "any");
    const template = this.random.weighted(usable);
    const first = this.make(template.needs, { ...scope, depth: scope.depth - 1 });
    const second = this.apply(template, {
      ...scope,
      input: template.needs,
      depth: scope.depth - 1,
    });
    return loose(tight(first), " | ", hole(second));
  }

  private apply(template: Template, scope: Scope): Tree {
    const inner = { ...scope, depth: scope.depth - 1 };
    const parts = template.text
      .split(/(«[^»]+»)/)
      .filter((text) => text !== "")
      .map((text) => {
        const want = PART.exec(text)?.[1];
        return want === undefined ? text : this.fill(want, inner);
      });
    return TERM.test(template.text) ? term(...parts) : loose(...parts);
  }

  private fill(want: string, scope: Scope): string | Hole {
    if (want.startsWith("#")) return this.literal(want);
    const [, kind = "any", isTight, , input] = /^(\w+)(!)?(:(\w+))?$/.exec(want) ?? [];
    const made = this.make(
      kind as Want,
      input === undefined ? scope : { ...scope, input: input as Kind },
    );
    return isTight === undefined ? hole(made) : tight(made);
  }

  private literal(what: string): string {
    const { random } = this;
    switch (what) {
      case "#int":
        return String(random.below(6) - (random.chance(0.25) ? 4 : 0));
      case "#num":
        return String(number(random));
      case "#key":
        return random.chance(0.9) ? random.pick(KEYS) : `"${key(random).replaceAll('"', "")}"`;
      case "#name":
        return JSON.stringify(key(random));
      case "#regex":
        return `"${random.pick(REGEXES)}"`;
      case "#flags":
        return random.pick(FLAGS);
      default:
        return JSON.stringify(string(random));
    }
  }

  private leaf(want: Want, scope: Scope): Tree {
    const { random } = this;
    if (want === "path") return term(random.pick([".", ".a", ".[0]?", ".[]?", ".b?"]));
    const known = scope.variables.filter(({ kind }) => fits(want, kind));
    if (known.length > 0 && random.chance(0.5)) return term(`$${random.pick(known).name}`);
    if (fits(want, scope.input) && random.chance(0.6)) return term(".");
    return term(this.constant(want));
  }

  private constant(want: Kind): string {
    const { random } = this;
    switch (want) {
      case "null":
        return "null";
      case "bool":
        return random.pick(["true", "false"]);
      case "num":
        return random.chance(0.04) ? random.pick(["nan", "infinite"]) : String(number(random));
      case "str":
        return JSON.stringify(string(random));
      case "nums":
        return random.pick(["[1, 2, 3]", "[3, 1, 2, 1]", "[]", "[0.5, -1]", "[range(3)]"]);
      case "strs":
        return random.pick(['["a", "b"]', '["b", "", "a"]', "[]", '["é", "z", "Z"]']);
      case "objs":
        return random.pick(['[{a: 1, b: "x"}, {a: 0}]', "[{}]", "[{b: null}, {a: [1]}]"]);
      case "obj":
        return random.pick(["{a: 1, b: 2}", "{}", "{b: {a: [1]}}", '{a: "x", c: null}']);
      case "arr":
        return random.pick(['[1, "a", null]', "[[1, 2], [3]]", "[]", "[{}, [], false]"]);
      default:
        return this.constant(random.pick(KINDS));
    }
  }
}

/** A program for inputs of a kind. */
export function generate(random: Random, input: Kind, templates: readonly Template[]): Tree {
  const depth = 2 + random.below(4);
  const scope: Scope = { input, depth, variables: [], functions: [], labels: [] };
  return new Generator(random, templates).make("any", scope);
}
