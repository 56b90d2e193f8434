import { JqError, positionAt } from "../errors.ts";
import type { Node } from "./ast.ts";
import { tokenize } from "./lexer.ts";
import type { Token, TokenKind } from "./tokens.ts";

/** Deeper nesting in a program is refused rather than left to overflow the stack. */
const MAX_NESTING = 900;

/** The layers of the grammar that terms, keys and patterns lead back to. */
export interface Grammar {
  readonly query: (cursor: Cursor) => Node;
  readonly expression: (cursor: Cursor) => Node;
}

/** The parser's place in the tokens. */
export class Cursor {
  readonly source: string;
  private readonly grammar: Grammar;
  private readonly tokens: readonly Token[];
  private at = 0;
  private nesting = 0;

  constructor(source: string, grammar: Grammar) {
    this.source = source;
    this.grammar = grammar;
    this.tokens = tokenize(source);
  }

  query(): Node {
    return this.grammar.query(this);
  }

  expression(): Node {
    return this.grammar.expression(this);
  }

  get token(): Token {
    return this.tokens[this.at] as Token;
  }

  peek(ahead: number): Token {
    return this.tokens[Math.min(this.at + ahead, this.tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.token;
    if (this.at < this.tokens.length - 1) this.at += 1;
    return token;
  }

  is(kind: TokenKind, text?: string): boolean {
    return this.token.kind === kind && (text === undefined || this.token.text === text);
  }

  isOperator(text: string): boolean {
    return this.is("operator", text);
  }

  isKeyword(text: string): boolean {
    return this.is("keyword", text);
  }

  /** Consumes the token if it is the given operator or keyword. */
  take(text: string): boolean {
    if (!this.isOperator(text) && !this.isKeyword(text)) return false;
    this.next();
    return true;
  }

  expect(text: string): Token {
    if (!this.isOperator(text) && !this.isKeyword(text)) this.unexpected(`expecting '${text}'`);
    return this.next();
  }

  expectKind(kind: TokenKind, what: string): Token {
    if (!this.is(kind)) this.unexpected(`expecting ${what}`);
    return this.next();
  }

  fail(offset: number, message: string): never {
    throw new JqError("syntax", message, { position: positionAt(this.source, offset) });
  }

  unexpected(expecting: string): never {
    const { kind, text, offset } = this.token;
    const shown = kind === "end" ? "end of program" : `'${text === "" ? '"' : text}'`;
    return this.fail(offset, `syntax error: unexpected ${shown}, ${expecting}`);
  }

  /** Runs a parser one level deeper. */
  nested<T>(parse: () => T): T {
    this.nesting += 1;
    if (this.nesting > MAX_NESTING) this.fail(this.token.offset, "The program nests too deeply");
    const result = parse();
    this.nesting -= 1;
    return result;
  }
}
