/**
 * The grammar of filters, a part of google.aip.dev/160.
 *
 *     filter     = [ conjunction ]
 *     conjunction = disjunction { "AND" disjunction }
 *     disjunction = term { "OR" term }
 *     term       = [ "NOT" ] ( "(" conjunction ")" | field operator value )
 *
 * As in AIP-160, OR binds more tightly than AND. Length and depth are bounded.
 */
import { FilterSyntaxError, type Operator, type Token, tokenize } from "./tokens.ts";

export type FilterNode =
  | { readonly type: "and" | "or"; readonly parts: readonly FilterNode[] }
  | { readonly type: "not"; readonly part: FilterNode }
  | {
      readonly type: "compare";
      readonly field: string;
      readonly operator: Operator;
      readonly value: string;
      readonly fieldAt: number;
      readonly valueAt: number;
    };

export const FILTER_LENGTH_MAX = 4_096;
const DEPTH_MAX = 32;

/** undefined for an empty filter. @throws FilterSyntaxError with the place of the first mistake. */
export function parseFilter(filter: string): FilterNode | undefined {
  if (filter.length > FILTER_LENGTH_MAX) {
    throw new FilterSyntaxError(
      `it has ${filter.length} characters; at most ${FILTER_LENGTH_MAX} are allowed`,
      FILTER_LENGTH_MAX,
    );
  }
  const parser = new Parser(tokenize(filter));
  return parser.whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): FilterNode | undefined {
    if (this.#peek().type === "end") return undefined;
    const node = this.#conjunction();
    const token = this.#peek();
    if (token.type !== "end") throw this.#expected("AND, OR or the end", token);
    return node;
  }

  #conjunction(): FilterNode {
    const parts = [this.#disjunction()];
    while (this.#takeKeyword("AND")) parts.push(this.#disjunction());
    return parts.length === 1 ? (parts[0] as FilterNode) : { type: "and", parts };
  }

  #disjunction(): FilterNode {
    const parts = [this.#term()];
    while (this.#takeKeyword("OR")) parts.push(this.#term());
    return parts.length === 1 ? (parts[0] as FilterNode) : { type: "or", parts };
  }

  #term(): FilterNode {
    const token = this.#peek();
    if (this.#takeKeyword("NOT"))
      return { type: "not", part: this.#nested(() => this.#term(), token) };
    if (token.type !== "open") return this.#comparison();
    this.#take();
    const node = this.#nested(() => this.#conjunction(), token);
    const close = this.#take();
    if (close.type !== "close") throw this.#expected("AND, OR or )", close);
    return node;
  }

  #comparison(): FilterNode {
    const field = this.#take();
    if (field.type !== "word" || field.quoted) throw this.#expected("a field", field);
    const operator = this.#take();
    if (operator.type !== "operator") {
      throw this.#expected(`one of = != : < <= > >= after ${field.text}`, operator);
    }
    const value = this.#take();
    if (value.type !== "word") throw this.#expected(`a value after ${operator.text}`, value);
    return {
      type: "compare",
      field: field.text,
      operator: operator.text,
      value: value.text,
      fieldAt: field.at,
      valueAt: value.at,
    };
  }

  #nested(parse: () => FilterNode, token: Token): FilterNode {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) {
      throw new FilterSyntaxError(`it is nested more than ${DEPTH_MAX} deep`, token.at);
    }
    const node = parse();
    this.#depth -= 1;
    return node;
  }

  #takeKeyword(keyword: "AND" | "OR" | "NOT"): boolean {
    const token = this.#peek();
    if (token.type !== "word" || token.quoted || token.text !== keyword) return false;
    this.#next += 1;
    return true;
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #take(): Token {
    const token = this.#peek();
    if (token.type !== "end") this.#next += 1;
    return token;
  }

  #expected(what: string, found: Token): FilterSyntaxError {
    const shown = found.type === "end" ? "the end" : JSON.stringify(found.text);
    return new FilterSyntaxError(`expected ${what}, found ${shown}`, found.at);
  }
}
