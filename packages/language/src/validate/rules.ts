/** Conditions between the properties of one object. */
import type { JsonObject } from "../json.ts";
import type { Rule } from "../schema/type.ts";
import type { Walk } from "./walk.ts";

export function checkRules(rules: readonly Rule[], value: JsonObject, walk: Walk): void {
  for (const rule of rules) checkRule(rule, value, walk);
}

function checkRule(rule: Rule, value: JsonObject, walk: Walk): void {
  switch (rule.kind) {
    case "one-of": {
      const present = rule.keys.filter((key) => Object.hasOwn(value, key));
      if (present.length === 1) return;
      const names = rule.keys.join(" or ");
      walk.report("choice", present.length === 0 ? `needs ${names}` : `takes ${names}, not both`);
      return;
    }
    case "needs":
      if (Object.hasOwn(value, rule.key) && !Object.hasOwn(value, rule.other)) {
        walk.at(rule.key, () =>
          walk.report("required", `can only be set together with ${rule.other}`),
        );
      }
      return;
    case "only-when": {
      const wanted = value[rule.tag] === rule.value || !Object.hasOwn(value, rule.tag);
      if (wanted === Object.hasOwn(value, rule.key)) return;
      const when = `when ${rule.tag} is "${rule.value}"`;
      walk.at(rule.key, () =>
        walk.report("required", wanted ? `required ${when}` : `only allowed ${when}`),
      );
    }
  }
}
