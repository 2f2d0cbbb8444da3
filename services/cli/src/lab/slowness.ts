/**
 * What makes a link slow, from the words of a command line: `80ms 1% 10mbit`, in any order.
 */
import { parseDuration } from "../config.ts";
import { usageError } from "../failure.ts";

export interface Slowness {
  readonly delayMs: number;
  readonly lossPpm: number;
  readonly bytesPerSecond: number;
}

export const SLOWNESS_HELP =
  "a delay (80ms), a loss (1%), a bandwidth (10mbit), or several of these";

const PPM_PER_PERCENT = 10_000;
/** Bandwidths are in bits per second everywhere. */
const BYTES_PER_UNIT = { kbit: 125, mbit: 125_000, gbit: 125_000_000 } as const;

/** What is not named is not limited. */
export function parseSlowness(words: readonly string[]): Slowness {
  const found: Partial<Record<keyof Slowness, number>> = {};
  for (const word of words) {
    const [kind, value] = parseWord(word);
    if (found[kind] !== undefined) {
      throw usageError(`${JSON.stringify(word)} says a second time what was said`, ALLOWED);
    }
    found[kind] = value;
  }
  return { delayMs: 0, lossPpm: 0, bytesPerSecond: 0, ...found };
}

const ALLOWED = `allowed are ${SLOWNESS_HELP}`;

function parseWord(word: string): [keyof Slowness, number] {
  const loss = /^(\d+(?:\.\d+)?)%$/.exec(word);
  if (loss !== null) return ["lossPpm", Math.round(Number(loss[1]) * PPM_PER_PERCENT)];
  const rate = /^(\d+(?:\.\d+)?)(kbit|mbit|gbit)$/.exec(word);
  if (rate !== null) {
    const unit = BYTES_PER_UNIT[rate[2] as keyof typeof BYTES_PER_UNIT];
    return ["bytesPerSecond", Math.round(Number(rate[1]) * unit)];
  }
  if (/^\d+(?:\.\d+)?(?:ms|s)$/.test(word)) return ["delayMs", parseDuration("the delay", word)];
  throw usageError(`${JSON.stringify(word)} does not say how slow`, ALLOWED);
}
