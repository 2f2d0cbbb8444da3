/**
 * When a datacenter was last heard of and how old its mirror is, for those who cannot reach it now.
 */
import type { Clock } from "@atoll/stdx";
import type { Caller } from "./caller.ts";
import type { Mirror } from "./mirror.ts";

export interface Contact {
  /** A sentence without its full stop. */
  readonly text: string;
  /** For programs: `last_contact` and `mirror_age_ms`, each only where it is known. */
  readonly metadata: Readonly<Record<string, string>>;
}

const MS_PER_SECOND = 1_000;

export function contactOf(parts: {
  readonly caller: Caller;
  readonly mirror: Mirror;
  readonly clock: Clock;
}): Contact {
  const { caller, mirror, clock } = parts;
  const nowMs = clock.monotonicMs();
  const metadata: Record<string, string> = {};
  let heard = "it was never heard of";
  if (caller.lastContactMs !== undefined) {
    const agoMs = nowMs - caller.lastContactMs;
    const at = new Date(clock.realtimeMs() - agoMs).toISOString();
    metadata["last_contact"] = at;
    heard = `it was last heard of at ${at}, ${seconds(agoMs)} ago`;
  }
  if (!mirror.synced) return { text: heard, metadata };
  const ageMs = mirrorAgeMs(mirror, clock);
  metadata["mirror_age_ms"] = String(Math.round(ageMs));
  return { text: `${heard}, and what is known of it here is ${seconds(ageMs)} old`, metadata };
}

/** How long ago the mirror was certainly up to date; by the log's stamps where it never was. */
export function mirrorAgeMs(mirror: Mirror, clock: Clock): number {
  const { freshness } = mirror;
  if (freshness !== undefined) return clock.monotonicMs() - freshness.monotonicMs;
  return Math.max(0, clock.realtimeMs() - mirror.datacenter.stampMs);
}

function seconds(lengthMs: number): string {
  return `${(lengthMs / MS_PER_SECOND).toFixed(1)} s`;
}
