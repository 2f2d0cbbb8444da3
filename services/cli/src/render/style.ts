/**
 * Colours as names for meanings, and the choice whether to use them.
 *
 * Colours are for terminals only, and never where NO_COLOR is set. Text is escaped before it is
 * coloured, so that the only escape sequences in an output are the ones from this file.
 */

const CODES = {
  plain: "",
  good: "32",
  bad: "31",
  warning: "33",
  accent: "36",
  strong: "1",
  faint: "2",
} as const;

export type Style = keyof typeof CODES;

/** Puts `text`, already escaped, in a style. */
export type Paint = (style: Style, text: string) => string;

export function paintFor(colour: boolean): Paint {
  if (!colour) return (_style, text) => text;
  return (style, text) =>
    style === "plain" || text === "" ? text : `\u001b[${CODES[style]}m${text}\u001b[0m`;
}
