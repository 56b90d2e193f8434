/** The documents that the expressions are evaluated on. Made by counting, so that every run sees the same. */

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const CITIES = ["Lisbon", "Porto", "Braga", "Faro", "Évora"] as const;
const STATES = ["open", "paid", "packed", "shipped"] as const;

function item(n: number): Json {
  return {
    id: `item-${n}`,
    sku: `SKU-${(n * 7919) % 10_007}`,
    name: `Part ${n} of the set`,
    price: ((n * 37) % 400) / 4,
    quantity: (n % 5) + 1,
    state: STATES[n % STATES.length] ?? null,
    tags: n % 3 === 0 ? ["fragile", "gift"] : ["plain"],
    stock: n % 4 === 0 ? null : { city: CITIES[n % CITIES.length] ?? null, left: (n * 13) % 50 },
  };
}

/** An order as a workflow's input or an answer of a service holds it, with a number of items. */
function order(items: number): { readonly [key: string]: Json } {
  return {
    id: "order-20419",
    customer: { name: "Ada Lovelace", email: "ada@example.com", address: { city: "Lisbon" } },
    a: { b: { c: 42 }, list: [1, 2, 3] },
    total: 118.5,
    retries: 2,
    note: null,
    labels: { region: "eu-west", tier: "gold", channel: "web", "cost-centre": "4711" },
    payload: '{"ok":true,"codes":[200,201,204],"by":{"name":"gateway","node":7}}',
    items: Array.from({ length: items }, (_, n) => item(n)),
  };
}

/** About 1, 8 and 150 KiB of JSON text. */
export const DOCUMENTS = {
  small: order(4),
  medium: order(50),
  large: order(1000),
} as const;

export type DocumentName = keyof typeof DOCUMENTS;

/** Values of the variables, as the workflow language passes them. */
export const VARIABLES = {
  context: { user: { name: "Grace", roles: ["clerk", "admin"] }, limit: 100 },
  input: { id: "run-7", threshold: 40, ratio: 1.5 },
} as const;
