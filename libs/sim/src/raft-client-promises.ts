/**
 * What clients of a simulated Raft group were promised by the answers they got.
 *
 * Nothing is acknowledged before it is durable on a majority, a refused write never appears, each
 * write is in the log once, and whatever begins comes after all that was finished before. Told by
 * clients of answers and by the checkers of committed entries.
 */
import type { Entry } from "raft-ts";
import { payloadOf } from "./raft-commands.ts";
import { Violation } from "./violation.ts";

export class ClientPromises {
  readonly #durableTo: () => number;
  readonly #refused = new Set<number>();
  /** The index of each payload that was committed. */
  readonly #payloads = new Map<number, number>();
  #floor = 0;

  /** @param durableTo up to where the log was seen durable on a majority. */
  constructor(durableTo: () => number) {
    this.#durableTo = durableTo;
  }

  /** Every operation that begins later must come after this position. */
  get floor(): number {
    return this.#floor;
  }

  /** An entry became known as committed. */
  entered(entry: Entry): void {
    const payload = entry.type === "data" ? payloadOf(entry.data) : 0;
    if (payload === 0) return;
    if (this.#refused.has(payload)) throw new Violation(`refused ${payload} was committed`);
    if (this.#payloads.has(payload)) throw new Violation(`payload ${payload} is there twice`);
    this.#payloads.set(payload, entry.index);
  }

  /**
   * A write was confirmed: it is durable on a majority, and after all that was finished before it.
   * The checkers must have looked at the confirming replica just before.
   */
  committed(outcome: {
    readonly firstIndex: number;
    readonly lastIndex: number;
    readonly payloads: readonly number[];
    readonly floor: number;
  }): void {
    const { firstIndex, lastIndex } = outcome;
    if (lastIndex > this.#durableTo()) {
      throw new Violation(`${lastIndex} was acknowledged, durable is ${this.#durableTo()}`);
    }
    for (const [at, payload] of outcome.payloads.entries()) {
      if (this.#payloads.get(payload) !== firstIndex + at) {
        throw new Violation(`payload ${payload} is not at ${firstIndex + at}`);
      }
    }
    if (firstIndex <= outcome.floor) {
      throw new Violation(`write at ${firstIndex} began after ${outcome.floor} was finished`);
    }
    this.#floor = Math.max(this.#floor, lastIndex);
  }

  /** A write was refused: it must never appear. */
  refused(payloads: readonly number[]): void {
    for (const payload of payloads) {
      this.#refused.add(payload);
      if (this.#payloads.has(payload)) throw new Violation(`refused ${payload} is in the log`);
    }
  }

  /** A read saw the state after `index`; `floor` is what was finished when it began. */
  read(index: number, floor: number): void {
    if (index < floor) throw new Violation(`a read saw ${index} after ${floor} was finished`);
    this.#floor = Math.max(this.#floor, index);
  }
}
