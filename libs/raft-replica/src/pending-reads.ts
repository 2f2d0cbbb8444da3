/**
 * Reads whose index is not known yet, or not applied yet.
 *
 * Reads that come before the core is asked next share one question. Answered in order of arrival.
 */
import type { ReplicaId } from "raft-ts";
import type { ReadOutcome } from "./ports.ts";

type ReadDone = (outcome: ReadOutcome) => void;

interface ReadyReads {
  readonly index: number;
  readonly done: readonly ReadDone[];
}

export class PendingReads {
  #nextRead = 1;
  #size = 0;
  /** Under way in the core, by its number. */
  readonly #asked = new Map<number, readonly ReadDone[]>();
  #collected: ReadDone[] = [];
  /** Have an index, wait for it to be applied. */
  #ready: ReadyReads[] = [];

  /** How many reads wait, in whatever stage. */
  get size(): number {
    return this.#size;
  }

  get hasCollected(): boolean {
    return this.#collected.length > 0;
  }

  add(done: ReadDone): void {
    this.#size += 1;
    this.#collected.push(done);
  }

  /** The number to ask the core with for all that collected; 0 when nothing did. */
  ask(): number {
    if (this.#collected.length === 0) return 0;
    const read = this.#nextRead;
    this.#nextRead += 1;
    this.#asked.set(read, this.#collected);
    this.#collected = [];
    return read;
  }

  ready(read: number, index: number, appliedIndex: number): void {
    const done = this.#asked.get(read);
    if (done === undefined) return;
    this.#asked.delete(read);
    if (index <= appliedIndex) this.#answer(done, { type: "ready", index });
    else this.#ready.push({ index, done });
  }

  refused(read: number, reason: "noLeader" | "overloaded", leader: ReplicaId): void {
    const done = this.#asked.get(read);
    if (done === undefined) return;
    this.#asked.delete(read);
    this.#answer(done, { type: "refused", reason, leader });
  }

  applied(appliedIndex: number): void {
    if (this.#ready.length === 0) return;
    const waiting = this.#ready;
    this.#ready = waiting.filter((each) => each.index > appliedIndex);
    for (const { index, done } of waiting) {
      if (index <= appliedIndex) this.#answer(done, { type: "ready", index });
    }
  }

  stop(leader: ReplicaId): void {
    const all = [...this.#asked.values(), this.#collected, ...this.#ready.map((each) => each.done)];
    this.#asked.clear();
    this.#collected = [];
    this.#ready = [];
    for (const done of all) this.#answer(done, { type: "refused", reason: "stopped", leader });
  }

  #answer(done: readonly ReadDone[], outcome: ReadOutcome): void {
    this.#size -= done.length;
    for (const each of done) each(outcome);
  }
}
