/** Damages a YAML text: characters, tokens, lines, and the constructs that parsers are attacked with. */
import type { Random } from "../random.ts";
import { character, ODD_STRINGS, oddString } from "../values.ts";

type Change = (text: string, random: Random) => string;

// biome-ignore format: a pool, a kind a line
const TOKENS: readonly string[] = [
  "- ", ": ", ":", "? ", "- - ", "&a ", "&a", "*a", "*a ", "*b", "!!str ", "!!int ", "!!binary ", "!!set ", "!x ", "!", "!<tag:x> ",
  "|", "|2\n", ">", ">-\n", "|+\n\n", "{", "}", "[", "]", "{}", "[]", ",", "#", " #", "%YAML 1.1\n---\n", "%TAG ! !\n", "---\n",
  "...\n", "<<: *a\n", "<<: {a: 1}\n", "\t", "  ", "\n", "\n\n", "\r", "\r\n", "'", "\"", "\\", "\"\\x00\"", "\"\\ud800\"", "'\n'",
  "~", "null", "yes", "0o17", "0x1F", ".inf", "-.inf", ".nan", "1_000", "1e999", "2026-01-01", "=", "@", "`", "${", "}", "\u00a0", "\ufeff",
];

/** One to six changes; small ones mostly. */
export function damage(text: string, random: Random): string {
  let changed = text;
  const changes = 1 + random.small(6);
  for (let n = 0; n < changes; n += 1) {
    const pool = random.chance(0.8) ? SMALL : LARGE;
    changed = random.pick(pool)(changed, random);
  }
  // Twice what the front door reads: enough to see that it stops.
  return changed.slice(0, 2_200_000);
}

const place = (text: string, random: Random): number => random.below(text.length + 1);

function replaceLines(
  text: string,
  random: Random,
  change: (lines: string[], at: number) => void,
): string {
  const lines = text.split("\n");
  change(lines, random.below(lines.length));
  return lines.join("\n");
}

/** Puts a text where a word stands. */
function replaceWord(text: string, random: Random, replacement: string): string {
  const words = [...text.matchAll(/[\w.${}/-]+/g)];
  if (words.length === 0) return text + replacement;
  const word = random.pick(words);
  return text.slice(0, word.index) + replacement + text.slice(word.index + word[0].length);
}

const insert: Change = (text, random) => {
  const at = place(text, random);
  return text.slice(0, at) + random.pick(TOKENS) + text.slice(at);
};

const SMALL: readonly Change[] = [
  insert,
  insert,
  (text, random) => {
    const at = place(text, random);
    return text.slice(0, at) + character(random) + text.slice(at + random.below(2));
  },
  (text, random) => {
    const at = place(text, random);
    return text.slice(0, at) + text.slice(at + 1 + random.small(30));
  },
  (text, random) => {
    const [from, to] = [place(text, random), place(text, random)];
    return text.slice(0, to) + text.slice(from, from + random.small(80)) + text.slice(to);
  },
  (text, random) => replaceWord(text, random, random.pick(ODD_STRINGS)),
  (text, random) => replaceWord(text, random, JSON.stringify(oddString(random, 300))),
  (text, random) => replaceLines(text, random, (lines, at) => lines.splice(at, 1)),
  (text, random) =>
    replaceLines(text, random, (lines, at) => lines.splice(at, 0, lines[at] as string)),
  (text, random) =>
    replaceLines(text, random, (lines, at) => {
      const other = random.below(lines.length);
      [lines[at], lines[other]] = [lines[other] as string, lines[at] as string];
    }),
  (text, random) =>
    replaceLines(text, random, (lines, at) => {
      const indent = random.pick(["", " ", "  ", "    ", "\t", "- "]);
      lines[at] = indent + (lines[at] as string).trimStart();
    }),
  (text, random) =>
    replaceLines(text, random, (lines, at) => {
      const end = at + 1 + random.small(10);
      for (let n = at; n < Math.min(end, lines.length); n += 1) lines[n] = `  ${lines[n]}`;
    }),
];

/** Wraps what is added as a property of the document, or as the value of a word that is there. */
function plant(text: string, random: Random, value: string): string {
  return random.chance(0.5)
    ? `${text}\n${random.pick(["x", "do", "use", "input"])}: ${value}\n`
    : replaceWord(text, random, value);
}

const LARGE: readonly Change[] = [
  // Billion laughs, of lists or maps, in a breadth and a depth.
  (text, random) => {
    const [breadth, depth] = [2 + random.below(12), 2 + random.below(20)];
    const open = random.chance(0.5) ? ["[", "]"] : ["{k: ", "}"];
    const uses = (name: string) =>
      open[0] === "["
        ? `[${`*${name},`.repeat(breadth)}]`
        : `{${random.list(breadth, (n) => `k${n}: *${name}`).join(", ")}}`;
    const bomb = ["a0: &a0 [x, x]"];
    for (let n = 1; n < depth; n += 1) bomb.push(`a${n}: &a${n} ${uses(`a${n - 1}`)}`);
    return random.chance(0.5) ? `${bomb.join("\n")}\n${text}` : `${text}\n${bomb.join("\n")}\n`;
  },
  (text, random) => {
    const [open, close] = random.pick([
      ["[", "]"],
      ["{a: ", "}"],
      ["- ", ""],
      ["? ", ""],
      ["&a [", "]"],
      ["!!seq [", "]"],
      ['"\\(', ')"'],
      ["${ [", "] }"],
    ] as const);
    const depth = 1 + random.small(40_000);
    const shut = random.chance(0.5) ? close.repeat(depth) : "";
    return plant(text, random, open.repeat(depth) + shut);
  },
  (text, random) =>
    plant(
      text,
      random,
      random
        .pick(["x", "é", "\\", "'", '"', " ", "a: ", "- a\n"])
        .repeat(1 + random.small(400_000)),
    ),
  (text, random) => {
    const keys = 1 + random.small(20_000);
    const same = random.chance(0.3);
    return `${text}\nkeys:\n${random.list(keys, (n) => `  k${same ? 0 : n}: ${n}`).join("\n")}\n`;
  },
  (text, random) => {
    const lines = 1 + random.small(2_000);
    return `${text}\n${random.list(lines, (n) => `${" ".repeat(n)}a:`).join("\n")}\n`;
  },
  (text, random) => `${text}\nloop: &l ${random.pick(["[*l]", "{a: *l}", "[[*l, *l]]", "*l"])}\n`,
  (text, random) =>
    `${random.pick(["\ufeff", "%YAML 1.3\n---\n", "--- |\n", "---\n---\n"])}${text}`,
  (text, random) => text.replaceAll("\n", random.pick(["\r\n", "\r", "\n\n", "\n\t", " \n"])),
  (text, random) => text.repeat(2 + random.small(30)),
  (text, random) => {
    const expression = random.pick([
      "[range(1e9)]",
      "def f: f; f",
      ".a".repeat(5_000),
      "(".repeat(3_000),
      "1+".repeat(5_000),
      "-".repeat(5_000),
    ]);
    return plant(text, random, `"\${ ${expression} }"`);
  },
];
