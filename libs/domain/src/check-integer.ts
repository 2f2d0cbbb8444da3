/**
 * Whether a number is an integer within bounds.
 */

/** An integer within bounds, both included. */
export function checkInteger(
  value: number,
  bounds: { readonly min: number; readonly max: number },
  report: (reason: string) => void,
): void {
  if (Number.isSafeInteger(value) && value >= bounds.min && value <= bounds.max) return;
  report(`${value} is out of range: allowed are ${bounds.min} to ${bounds.max}`);
}
