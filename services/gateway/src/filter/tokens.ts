/**
 * The words of a filter.
 *
 * Text in quotes may hold anything, `\"` and `\\` stand for themselves; bare words may hold
 * letters, digits and a few signs. Every word knows where it stands, for messages.
 */

export type Token =
  | { readonly type: "word"; readonly text: string; readonly at: number; readonly quoted: boolean }
  | { readonly type: "operator"; readonly text: Operator; readonly at: number }
  | { readonly type: "open" | "close" | "end"; readonly text: string; readonly at: number };

export type Operator = "=" | "!=" | ":" | "<" | "<=" | ">" | ">=";

export class FilterSyntaxError extends Error {
  override name = "FilterSyntaxError";
  /** Offset in the filter, from 0. */
  readonly at: number;

  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const BLANK = /\s+/y;
const BARE_WORD = /[A-Za-z0-9_*/+@-][A-Za-z0-9_.*/+@-]*/y;
const QUOTED_WORD = /"((?:[^"\\]|\\["\\])*)"/y;
const OPERATOR = /<=|>=|!=|=|:|<|>/y;

/**
 * All tokens, the last of them `end`. @throws FilterSyntaxError at the first character that begins
 * none.
 */
export function tokenize(filter: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  function match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = at;
    return pattern.exec(filter);
  }
  while (at < filter.length) {
    const blank = match(BLANK);
    if (blank !== null) {
      at += blank[0].length;
      continue;
    }
    const [token, length] = readToken(filter, at, match);
    tokens.push(token);
    at += length;
  }
  tokens.push({ type: "end", text: "the end", at });
  return tokens;
}

function readToken(
  filter: string,
  at: number,
  match: (pattern: RegExp) => RegExpExecArray | null,
): [Token, number] {
  const character = filter[at] as string;
  if (character === "(") return [{ type: "open", text: "(", at }, 1];
  if (character === ")") return [{ type: "close", text: ")", at }, 1];
  const operator = match(OPERATOR);
  if (operator !== null) {
    return [{ type: "operator", text: operator[0] as Operator, at }, operator[0].length];
  }
  if (character === '"') {
    const quoted = match(QUOTED_WORD);
    if (quoted === null) throw new FilterSyntaxError("the text in quotes is not closed", at);
    const text = (quoted[1] as string).replace(/\\(["\\])/g, "$1");
    return [{ type: "word", text, at, quoted: true }, quoted[0].length];
  }
  const word = match(BARE_WORD);
  if (word !== null) return [{ type: "word", text: word[0], at, quoted: false }, word[0].length];
  throw new FilterSyntaxError(
    `${JSON.stringify(character)} means nothing here: put text in quotes`,
    at,
  );
}
