/**
 * Facts that cannot be stored yet: in order, and of things that only have a state the newest one.
 *
 * Bounded by the number of things observed: a service that crashes a thousand times while the disk
 * is full waits as one fact. Results of actions and what happened alone are kept each, up to a
 * bound. What gave way to something newer is lost, and counted by lane.
 */
import type { DroppedFacts, Fact, FactLane } from "@atoll/domain";
import type { StoreOperation } from "../storage/store.ts";
import { laneOf } from "./lanes.ts";

export interface WaitingFact {
  readonly fact: Fact;
  readonly alongside: readonly StoreOperation[];
  readonly done: (stored: boolean) => void;
}

/**
 * Facts that happened, and so cannot be replaced by newer ones; past this the oldest of them is
 * dropped.
 */
export const HAPPENINGS_MAX = 4_096;

export class WaitingFacts {
  /**
   * In order of their first arrival behind the last of another kind; keys of happenings are unique.
   */
  readonly #facts = new Map<string, WaitingFact>();
  readonly #dropped = new Map<FactLane, DroppedFacts>();
  #happenings = 0;
  #count = 0;

  get size(): number {
    return this.#facts.size;
  }

  /** Resolves true when it, or what replaced it, was stored. */
  add(fact: Fact, alongside: readonly StoreOperation[]): Promise<boolean> {
    return new Promise((resolve) => {
      const key = this.#keyOf(fact);
      const before = this.#facts.get(key);
      if (before !== undefined) this.#drop(before.fact);
      // Behind everything that waits, so that what it rests on is reported first.
      this.#facts.delete(key);
      const done = (stored: boolean): void => {
        before?.done(stored);
        resolve(stored);
      };
      this.#facts.set(key, { fact, alongside, done });
      if (this.#happenings > HAPPENINGS_MAX) this.#dropOldestHappening();
    });
  }

  take(): WaitingFact | undefined {
    for (const [key, waiting] of this.#facts) {
      this.#facts.delete(key);
      if (key.startsWith(HAPPENING)) this.#happenings -= 1;
      return waiting;
    }
    return undefined;
  }

  /** What was lost of each lane since this was last asked. */
  takeDropped(): readonly DroppedFacts[] {
    const dropped = [...this.#dropped.values()];
    this.#dropped.clear();
    return dropped;
  }

  #drop(fact: Fact): void {
    const lane = laneOf(fact);
    const before = this.#dropped.get(lane);
    // The drop of a message about drops loses what that counted.
    const [count, sinceMs] =
      fact.type === "factsDropped" ? [fact.count, fact.sinceMs] : [1, fact.observedAtMs];
    this.#dropped.set(lane, {
      lane,
      count: (before?.count ?? 0) + count,
      sinceMs: Math.min(before?.sinceMs ?? sinceMs, sinceMs),
    });
  }

  #keyOf(fact: Fact): string {
    switch (fact.type) {
      case "agentStarted":
        return "agent";
      case "inventoryObserved":
      case "inventoryDiffered":
        return "inventory";
      case "serviceObserved":
        return `service ${fact.service.key}`;
      case "serviceForgotten":
        return `service ${fact.key}`;
      case "fileObserved":
        return `file ${fact.file.path}`;
      case "fileForgotten":
        return `file ${fact.path}`;
      case "serviceRestartedAlone":
      case "actionFinished":
      case "factsDropped":
        this.#count += 1;
        this.#happenings += 1;
        return `${HAPPENING}${this.#count}`;
    }
  }

  #dropOldestHappening(): void {
    for (const [key, waiting] of this.#facts) {
      if (!key.startsWith(HAPPENING)) continue;
      this.#facts.delete(key);
      this.#happenings -= 1;
      this.#drop(waiting.fact);
      waiting.done(false);
      return;
    }
  }
}

const HAPPENING = "happening ";
