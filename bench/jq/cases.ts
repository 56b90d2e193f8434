/** The expressions of the benchmark: what definitions of workflows are full of. */
import type { DocumentName } from "./documents.ts";

export interface Case {
  readonly name: string;
  readonly jq: string;
  readonly document: DocumentName;
  /** The same in JSONata, where it has the same meaning. */
  readonly jsonata?: string;
}

export const CASES: readonly Case[] = [
  { name: "path", jq: ".a.b.c", document: "small", jsonata: "a.b.c" },
  { name: "length", jq: ".items | length", document: "medium", jsonata: "$count(items)" },
  {
    name: "filter-length",
    jq: "[.items[] | select(.price > 10)] | length",
    document: "small",
    jsonata: "$count(items[price > 10])",
  },
  {
    name: "filter-length-large",
    jq: "[.items[] | select(.price > 10)] | length",
    document: "large",
    jsonata: "$count(items[price > 10])",
  },
  {
    name: "map-select",
    jq: '.items | map(select(.state == "paid") | .id)',
    document: "medium",
    jsonata: 'items[state = "paid"].id',
  },
  {
    name: "object",
    jq: "{id, name: .customer.name, city: .customer.address.city, count: (.items | length)}",
    document: "small",
    jsonata:
      '{"id": id, "name": customer.name, "city": customer.address.city, "count": $count(items)}',
  },
  {
    name: "map-object",
    jq: ".items | map({id, cost: (.price * .quantity)})",
    document: "medium",
    jsonata: 'items.{"id": id, "cost": price * quantity}',
  },
  {
    name: "interpolation",
    jq: '"Order \\(.id) of \\(.customer.name): \\(.total) EUR"',
    document: "small",
    jsonata: '"Order " & id & " of " & customer.name & ": " & total & " EUR"',
  },
  {
    name: "condition",
    jq: ".total * 1.23 > 100 and .retries < 3",
    document: "small",
    jsonata: "total * 1.23 > 100 and retries < 3",
  },
  {
    name: "if",
    jq: 'if .total >= 100 then "large" elif .total >= 10 then "medium" else "small" end',
    document: "small",
    jsonata: 'total >= 100 ? "large" : total >= 10 ? "medium" : "small"',
  },
  { name: "default", jq: '.note // .labels.tier // "none"', document: "small" },
  {
    name: "variables",
    jq: "$context.user.name == .customer.name or .total * $input.ratio > $input.threshold",
    document: "small",
    jsonata: "$context.user.name = customer.name or total * $input.ratio > $input.threshold",
  },
  {
    name: "sort-by",
    jq: ".items | sort_by(.price) | map(.id)",
    document: "medium",
    jsonata: "items^(price).id",
  },
  {
    name: "group-by",
    jq: ".items | group_by(.state) | map({state: .[0].state, count: length})",
    document: "medium",
  },
  {
    name: "to-entries",
    jq: '.labels | to_entries | map("\\(.key)=\\(.value)")',
    document: "small",
    jsonata: '$each(labels, function($value, $key) { $key & "=" & $value })',
  },
  { name: "with-entries", jq: '.labels | with_entries(.key |= "x-" + .)', document: "small" },
  {
    name: "reduce",
    jq: "reduce .items[] as $i (0; . + $i.price * $i.quantity)",
    document: "medium",
    jsonata: "$reduce(items, function($sum, $i) { $sum + $i.price * $i.quantity }, 0)",
  },
  {
    name: "add",
    jq: "[.items[].quantity] | add",
    document: "medium",
    jsonata: "$sum(items.quantity)",
  },
  {
    name: "test",
    jq: '.customer.email | test("^[a-z.]+@example\\\\.com$")',
    document: "small",
    jsonata: "$contains(customer.email, /^[a-z.]+@example\\.com$/)",
  },
  {
    name: "sub",
    jq: '.customer.email | sub("@.*$"; "@example.org")',
    document: "small",
    jsonata: '$replace(customer.email, /@.*$/, "@example.org", 1)',
  },
  { name: "assign", jq: ".a.b.c = 1", document: "small" },
  { name: "assign-new", jq: '.status = "done" | .result.code = 200', document: "medium" },
  { name: "update", jq: ".retries += 1", document: "small" },
  { name: "update-each", jq: ".items[].quantity |= . + 1", document: "medium" },
  { name: "update-each-large", jq: ".items |= map(.quantity += 1)", document: "large" },
  { name: "del", jq: "del(.items, .payload)", document: "small" },
  {
    name: "merge",
    jq: '. + {status: "done", total: 0}',
    document: "small",
    jsonata: '$merge([$, {"status": "done", "total": 0}])',
  },
  { name: "tojson", jq: ".customer | tojson", document: "small", jsonata: "$string(customer)" },
  {
    name: "fromjson",
    jq: ".payload | fromjson | .by.node",
    document: "small",
    jsonata: "$eval(payload).by.node",
  },
  { name: "any", jq: '.items | any(.state == "shipped")', document: "medium" },
  { name: "all", jq: "all(.items[]; .quantity > 0)", document: "medium" },
  {
    name: "first",
    jq: "first(.items[] | select(.price > 50)) | .id",
    document: "medium",
    jsonata: "items[price > 50][0].id",
  },
  {
    name: "limit",
    jq: "[limit(3; .items[] | .id)]",
    document: "medium",
    jsonata: "items[[0..2]].id",
  },
  {
    name: "join",
    jq: '.items | map(.id) | join(", ")',
    document: "medium",
    jsonata: '$join(items.id, ", ")',
  },
  {
    name: "split",
    jq: '.customer.name | split(" ") | .[0]',
    document: "small",
    jsonata: '$split(customer.name, " ")[0]',
  },
  {
    name: "case-prefix",
    jq: '.customer.name | ascii_downcase | startswith("ada")',
    document: "small",
  },
  { name: "try", jq: "(.customer.name | tonumber)? // 0", document: "small" },
  { name: "paths", jq: '[.customer | paths(type == "string") | join(".")]', document: "small" },
  { name: "unique", jq: "[.items[].state] | unique", document: "medium" },
];
