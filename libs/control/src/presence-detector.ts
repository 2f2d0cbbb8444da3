/**
 * Watches heartbeats and says which nodes fell silent.
 *
 * Silence is measured on the leader's own monotonic clock from when it last heard, or from when it
 * began to listen. Whenever the leader itself could not hear (it has just begun to lead, the bus
 * was away, its loop stalled), every node gets its full time again: a deaf leader accuses nobody.
 * It never changes state; its reports are commands like any other.
 */
import type { NodeName, Presence, StateView } from "@atoll/domain";
import type { ControlSettings } from "./settings.ts";

export interface PresenceReport {
  readonly node: NodeName;
  readonly presence: Presence;
  readonly silentMs: number;
}

/** A gap between two looks that is longer than this means that the own loop stalled. */
const STALL_LOOKS = 5;

export class PresenceDetector {
  readonly #settings: ControlSettings;
  readonly #heardAtMs = new Map<NodeName, number>();
  /** When nodes that were not heard yet were first looked at: their time begins there. */
  readonly #metAtMs = new Map<NodeName, number>();
  #listeningSinceMs: number | undefined;
  #lookedAtMs = 0;

  constructor(settings: ControlSettings) {
    this.#settings = settings;
  }

  /** From now on heartbeats can be heard. */
  listen(nowMs: number): void {
    this.#heardAtMs.clear();
    this.#metAtMs.clear();
    this.#listeningSinceMs = nowMs;
    this.#lookedAtMs = nowMs;
  }

  /** From now on they cannot. */
  deaf(): void {
    this.#listeningSinceMs = undefined;
    this.#heardAtMs.clear();
    this.#metAtMs.clear();
  }

  heard(node: NodeName, nowMs: number): void {
    if (this.#listeningSinceMs === undefined) return;
    this.#heardAtMs.set(node, nowMs);
    this.#metAtMs.delete(node);
  }

  /** The changes of presence since the last look; at most one look in `detectEveryMs`. */
  look(view: StateView, nowMs: number): PresenceReport[] {
    if (this.#listeningSinceMs === undefined) return [];
    const sinceLookMs = nowMs - this.#lookedAtMs;
    if (sinceLookMs < this.#settings.detectEveryMs) return [];
    this.#lookedAtMs = nowMs;
    if (sinceLookMs > this.#settings.detectEveryMs * STALL_LOOKS) {
      this.listen(nowMs);
      return [];
    }
    const reports: PresenceReport[] = [];
    for (const node of view.nodes()) {
      const heardAtMs = this.#heardAtMs.get(node.name);
      const silentMs = Math.floor(nowMs - (heardAtMs ?? this.#meet(node.name, nowMs)));
      const presence = this.#presence(node.presence, heardAtMs !== undefined, silentMs);
      if (presence !== node.presence) reports.push({ node: node.name, presence, silentMs });
    }
    return reports;
  }

  /** Since when a node that was never heard is silent. */
  #meet(node: NodeName, nowMs: number): number {
    const metAtMs = this.#metAtMs.get(node);
    if (metAtMs !== undefined) return metAtMs;
    this.#metAtMs.set(node, nowMs);
    return nowMs;
  }

  #presence(present: Presence, heard: boolean, silentMs: number): Presence {
    if (silentMs >= this.#settings.lostAfterMs) return "lost";
    if (silentMs >= this.#settings.suspectAfterMs) return present === "lost" ? "lost" : "suspected";
    // Within its time, but only a heartbeat brings a node back.
    return heard ? "alive" : present;
  }
}
