/**
 * Redaction by value: finds the values of secrets in what leaves an activity, plain or encoded, and puts `***` in their
 * place. What a value was turned into otherwise (a digest, a part of it) is not found.
 *
 * Looked for are: the text itself; as it stands in JSON (also with `\/` and `\uXXXX`), HTML and URLs (also encoded twice, in
 * a form, with lower-case hexadecimals); in hexadecimals; in base64 and base64url at any of the three alignments, so that
 * it is found inside something longer (`user:password`); and base64 of all of these.
 */
import { isObject, type Json } from "@millrace/language";
import { encodeStrict } from "../activities/http/uri.ts";

export const REDACTED = "***";
/** UTF-16 units; a shorter value would be found everywhere. */
export const SHORTEST = 4;
/** A line of a value with several is looked for by itself from this length on (a key in PEM). */
const LINE = 16;

/** Knows values that must not get out. */
export class Redactor {
  readonly #values = new Set<string>();
  readonly #onAdd: (value: string) => void;
  #patterns: readonly string[] | undefined;

  /** @param onAdd is told each text that is looked for from now on */
  constructor(onAdd: (value: string) => void = () => {}) {
    this.#onAdd = onAdd;
  }

  /** A secret's value: of an array or object, each text and number in it. */
  add(value: Json): void {
    if (Array.isArray(value)) for (const item of value as readonly Json[]) this.add(item);
    else if (isObject(value)) for (const item of Object.values(value)) this.add(item);
    else if (typeof value === "string" || typeof value === "number") this.#addText(String(value));
  }

  #addText(text: string): void {
    const lines = text.split(/\r?\n/).filter((line) => line.length >= LINE);
    for (const each of [text, text.trim(), ...lines]) {
      if (each.length < SHORTEST || this.#values.has(each)) continue;
      this.#values.add(each);
      this.#patterns = undefined;
      this.#onAdd(each);
    }
  }

  /** The same value with every trace of a known one replaced; numbers and keys are looked at, too. */
  redact(value: Json): Json {
    if (this.#values.size === 0) return value;
    if (typeof value === "string") return this.text(value);
    if (typeof value === "number") return this.#values.has(String(value)) ? REDACTED : value;
    if (Array.isArray(value)) return (value as readonly Json[]).map((item) => this.redact(item));
    if (!isObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [this.text(key), this.redact(item)]),
    );
  }

  text(text: string): string {
    this.#patterns ??= patternsOf(this.#values);
    let result = text;
    for (const pattern of this.#patterns)
      if (result.includes(pattern)) result = result.replaceAll(pattern, REDACTED);
    return result;
  }
}

/** The longest first: what is part of another pattern must not break that one up. */
function patternsOf(values: Iterable<string>): readonly string[] {
  const patterns = new Set<string>();
  for (const value of values) for (const form of formsOf(value)) patterns.add(form);
  return [...patterns].toSorted((a, b) => b.length - a.length);
}

/** Every way a value may be written down. */
export function formsOf(value: string): readonly string[] {
  const once = writtenForms(value.toWellFormed());
  const all = [...once, ...once.flatMap((form) => writtenIn64(form))];
  return [...new Set(all)].filter((form) => form.length >= SHORTEST);
}

function writtenForms(value: string): readonly string[] {
  const json = JSON.stringify(value).slice(1, -1);
  const url = [encodeURIComponent(value), encodeStrict(value), encodeURI(value), form(value)];
  const base64 = writtenIn64(value);
  const twice = [...url, ...base64].map(encodeURIComponent);
  const hex = Buffer.from(value, "utf8").toString("hex");
  const forms = [value, json, ascii(json), ...html(value), ...url, ...base64, ...twice, hex];
  return [
    ...new Set([...forms, ...forms.map(withSlashes), ...forms.map(lowerHex), hex.toUpperCase()]),
  ];
}

/** As `application/x-www-form-urlencoded` writes it. */
function form(value: string): string {
  return new URLSearchParams({ v: value }).toString().slice(2);
}

function ascii(json: string): string {
  return json.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const ENTITIES: Readonly<Record<string, readonly string[]>> = {
  "&": ["&amp;"],
  "<": ["&lt;"],
  ">": [">", "&gt;"],
  '"': ['"', "&quot;", "&#34;"],
  "'": ["'", "&#39;", "&#x27;", "&apos;"],
};

/** Escapers agree about `&` and `<`, and about little else; each treats one character the same throughout. */
function html(value: string): readonly string[] {
  const characters = Object.entries(ENTITIES).filter(([character]) => value.includes(character));
  let forms = [value];
  for (const [character, entities] of characters)
    forms = forms.flatMap((each) => entities.map((entity) => each.replaceAll(character, entity)));
  return forms;
}

function withSlashes(text: string): string {
  return text.replace(/(?<!\\)\//g, "\\/");
}

function lowerHex(text: string): string {
  return text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
}

/**
 * The value in base64 and base64url, wherever in a longer text it begins: the characters that depend on the value alone. Of
 * the two at its ends that it shares with its neighbours, a few bits stay.
 */
function writtenIn64(value: string): readonly string[] {
  const bytes = Buffer.from(value, "utf8");
  return [0, 1, 2].flatMap((offset) => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    const from = Math.ceil((offset * 8) / 6);
    const to = Math.floor((padded.length * 8) / 6);
    return (["base64", "base64url"] as const).map((code) => padded.toString(code).slice(from, to));
  });
}

/** Values remembered for the log, at most. */
const REMEMBERED = 100;

/** Keeps the values that activities were given last out of the log. */
export class LogRedaction {
  readonly #recent = new Set<string>();
  #redactor: Redactor | undefined;

  remember(value: string): void {
    const known = this.#recent.delete(value);
    this.#recent.add(value);
    if (known) return;
    for (const oldest of this.#recent) {
      if (this.#recent.size <= REMEMBERED) break;
      this.#recent.delete(oldest);
    }
    this.#redactor = undefined;
  }

  /** A line of the log without them. */
  line(text: string): string {
    if (this.#recent.size === 0) return text;
    if (this.#redactor === undefined) {
      this.#redactor = new Redactor();
      for (const value of this.#recent) this.#redactor.add(value);
    }
    return this.#redactor.text(text);
  }
}
