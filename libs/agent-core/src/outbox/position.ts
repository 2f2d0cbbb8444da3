/**
 * Positions in an outbox: their order and their form as keys.
 */
import type { OutboxPosition } from "@atoll/domain";

export const START: OutboxPosition = { boot: 0, sequence: 0 };

/** Negative, zero or positive: which comes first. */
export function comparePositions(left: OutboxPosition, right: OutboxPosition): number {
  return left.boot - right.boot || left.sequence - right.sequence;
}

export const FACT_PREFIX = "fact!";
const DIGITS = 16;

/** Sorts as positions do. */
export function keyOfPosition({ boot, sequence }: OutboxPosition): string {
  return `${FACT_PREFIX}${pad(boot)}!${pad(sequence)}`;
}

export function positionOfKey(key: string): OutboxPosition {
  const [, boot, sequence] = key.split("!");
  return { boot: Number(boot), sequence: Number(sequence) };
}

/**
 * Whether nothing can have stood between: the next of the same boot, or the first of a later one.
 */
export function isNext(before: OutboxPosition, position: OutboxPosition): boolean {
  if (position.boot === before.boot) return position.sequence === before.sequence + 1;
  return position.sequence === 1;
}

function pad(value: number): string {
  return String(value).padStart(DIGITS, "0");
}
