/** Escapes that stand for a character or a class, inside and outside brackets. */
import type { Test } from "./ast.ts";
import { isDigit, isHex, isSpace, isWord, not, property } from "./classes.ts";
import type { Reader } from "./reader.ts";
import { regexError } from "./reader.ts";

const CONTROL: Readonly<Record<string, number>> = {
  a: 7,
  e: 27,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
};

function hexPoint(reader: Reader): number {
  if (reader.take("{")) {
    const hex = reader.takeUntil("}");
    if (hex === undefined || !/^[0-9a-fA-F]{1,8}$/.test(hex))
      return regexError("invalid code point value");
    const point = Number.parseInt(hex, 16);
    return point > 0x10ffff ? regexError("too big wide-char value") : point;
  }
  const hex = reader.takeWhile(/[0-9a-fA-F]/, 2);
  return hex === "" ? 0 : Number.parseInt(hex, 16);
}

/** The class an escape letter stands for. */
export function classEscape(letter: string, reader: Reader): Test | undefined {
  switch (letter) {
    case "d":
      return isDigit;
    case "D":
      return not(isDigit);
    case "w":
      return isWord;
    case "W":
      return not(isWord);
    case "s":
      return isSpace;
    case "S":
      return not(isSpace);
    case "h":
      return isHex;
    case "H":
      return not(isHex);
    case "p":
    case "P":
      return propertyEscape(letter === "P", reader);
    default:
      return undefined;
  }
}

function propertyEscape(negated: boolean, reader: Reader): Test {
  if (!reader.take("{")) return regexError("invalid character property name {}");
  const name = reader.takeUntil("}") ?? "";
  const inverse = name.startsWith("^");
  const test = property(inverse ? name.slice(1) : name);
  if (test === undefined) return regexError(`invalid character property name {${name}}`);
  return negated === inverse ? test : not(test);
}

/** The character an escape stands for, given its letter. */
export function charEscape(letter: string, reader: Reader): number {
  const control = CONTROL[letter];
  if (control !== undefined) return control;
  switch (letter) {
    case "":
      return regexError("end pattern at escape");
    case "x":
      return hexPoint(reader);
    case "u": {
      const hex = reader.takeWhile(/[0-9a-fA-F]/, 4);
      return hex.length < 4 ? regexError("too short escape sequence") : Number.parseInt(hex, 16);
    }
    case "c":
      if (reader.done) return regexError("end pattern at control");
      return (reader.next().codePointAt(0) as number) & 31;
    case "0":
      return Number.parseInt(`0${reader.takeWhile(/[0-7]/, 2)}`, 8);
    default:
      return letter.codePointAt(0) as number;
  }
}
