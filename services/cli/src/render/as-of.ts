/**
 * How old an answer is, for people: a line for each datacenter that is not known to be up to date.
 */
import type { AsOf } from "@atoll/proto/atoll/v1/common";
import { escapeLine } from "./escape.ts";
import { durationMs, span } from "./time.ts";

/** What the gateway could not confirm. */
export function staleNotes(asOf: readonly AsOf[]): string[] {
  return asOf.filter(({ stale }) => stale).map(ageNote);
}

/** The same, and how old the rest is where it comes from a mirror. */
export function ageNotes(asOf: readonly AsOf[]): string[] {
  return asOf.filter((one) => one.stale || ageMs(one) > 0).map(ageNote);
}

function ageNote(asOf: AsOf): string {
  const { index, stale } = asOf;
  const datacenter = escapeLine(asOf.datacenter);
  if (asOf.age === undefined)
    return `${datacenter}: nothing of it is known here or can be read now`;
  const known = `${datacenter}: as known ${span(ageMs(asOf))} ago, at event #${index}`;
  return stale ? `${known}; its orchestrator cannot be asked` : known;
}

function ageMs({ age }: AsOf): number {
  return age === undefined ? 0 : durationMs(age);
}
