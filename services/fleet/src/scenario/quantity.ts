/**
 * Numbers and time spans as people write them.
 *
 * Undefined for what is none, or is out of bounds: the caller says what was wrong.
 */
export interface Bounds {
  readonly min: number;
  readonly max: number;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** A whole number within `bounds`. */
export function parseCount(text: string, { min, max }: Bounds): number | undefined {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  return value >= min && value <= max ? value : undefined;
}

/** `500ms`, `5s`, `2m`, `1h`, or a number of seconds, in milliseconds. */
export function parseDuration(text: string, { min, max }: Bounds): number | undefined {
  const [, digits = "", unit = ""] = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|)$/.exec(text) ?? [];
  const value = digits === "" ? NaN : Math.round(Number(digits) * (UNIT_MS[unit || "s"] ?? 0));
  return value >= min && value <= max ? value : undefined;
}

export function formatDuration(ms: number): string {
  if (ms % 60_000 === 0 && ms > 0) return `${ms / 60_000}m`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
