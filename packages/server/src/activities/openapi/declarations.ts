/** An operation in one form for all versions of OpenAPI. */
import { ActivityFailure } from "../failure.ts";
import type { Entry } from "./document.ts";
import type { Styled } from "./styles.ts";

/** Where an API key goes. */
export interface SecurityKey {
  readonly name: string;
  readonly in: "header" | "cookie";
}

export interface Operation {
  readonly id: string;
  /** In lower case, as in the document. */
  readonly method: string;
  /** Templated, such as `/pet/{petId}`. */
  readonly path: string;
  readonly server: URL;
  readonly parameters: readonly Parameter[];
  readonly body?: BodyDeclaration;
  /** Set when nothing but API keys lets a call in: where a bearer token goes then. */
  readonly key?: SecurityKey;
}

export interface Parameter extends Styled {
  readonly in: "path" | "query" | "header" | "cookie" | "form";
  readonly required: boolean;
  /** A form field that holds a file. */
  readonly file?: boolean;
}

export interface BodyDeclaration {
  /** The name it has among the call's parameters. */
  readonly name: string;
  readonly required: boolean;
  readonly media: readonly MediaDeclaration[];
}

/** A media type that a body may have, with what is declared of the fields of a form. */
export interface MediaDeclaration {
  readonly type: string;
  readonly fields: Readonly<Record<string, FieldDeclaration>>;
}

export interface FieldDeclaration {
  readonly contentType?: string;
  readonly styled?: Styled;
}

/** What describes one operation: its path item, and itself. */
export interface Found {
  readonly id: string;
  readonly path: string;
  readonly method: string;
  readonly item: Entry;
  readonly operation: Entry;
}

/** @throws {ActivityFailure} `configuration` when it is none of http or https */
export function serverUrl(text: string, base: URL): URL {
  const url = URL.canParse(text, base.href) ? new URL(text, base) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol) && url.username === "") return url;
  throw new ActivityFailure("configuration", "The OpenAPI document has no usable server URL.");
}
