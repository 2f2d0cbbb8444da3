/**
 * Whose outbox it is: its incarnation, and which instance of the agent each boot was.
 *
 * Kept beside the facts. Copies of a data folder count their boots alike, so a position says little
 * without the instance that gave it. A boot that another instance had, or that this outbox never
 * had, is a copy's. One record, bounded by its boots; it stores nothing itself.
 */
import type { OutboxPosition } from "@atoll/domain";
import type { StoreOperation } from "../storage/store.ts";

export interface LifeOptions {
  readonly boot: number;
  /** Of the data folder; absent: whatever the outbox has is of it. */
  readonly incarnation?: string;
  /** Of this start of the agent; absent: positions name none. */
  readonly instance?: string;
}

interface LifeRecord {
  readonly incarnation: string;
  /** By boot. */
  readonly instances: readonly (readonly [number, string])[];
}

export const LIFE_KEY = "outbox!life";
/** Older boots are forgotten: nothing can be said of them any more. */
const BOOTS_MAX = 1_000;

export class OutboxLife {
  readonly #instance: string | undefined;
  #incarnation: string;
  #instances: Map<number, string>;
  /** What is stored is of another incarnation: it has no place in this one under its positions. */
  readonly isOther: boolean;

  /** @param record what an earlier start has kept; undefined when there was none. */
  constructor(record: Uint8Array | undefined, options: LifeOptions) {
    const { boot, incarnation = "", instance } = options;
    const kept =
      record === undefined
        ? undefined
        : (JSON.parse(Buffer.from(record).toString("utf8")) as LifeRecord);
    const before = kept?.incarnation ?? "";
    this.isOther = before !== "" && incarnation !== "" && before !== incarnation;
    this.#incarnation = incarnation === "" ? before : incarnation;
    this.#instances = new Map(this.isOther ? [] : kept?.instances);
    this.#instance = instance;
    this.#begin(boot);
  }

  /** The same agent goes on under another incarnation. */
  startOver(boot: number, incarnation: string): void {
    this.#incarnation = incarnation;
    this.#instances.clear();
    this.#begin(boot);
  }

  /** Boots before this one are committed. */
  forgetBefore(boot: number): void {
    for (const each of [...this.#instances.keys()]) {
      if (each < boot) this.#instances.delete(each);
    }
  }

  /** The position with the instance that gave it, where one is known. */
  named({ boot, sequence }: OutboxPosition): OutboxPosition {
    const instance = this.#instances.get(boot);
    return instance === undefined ? { boot, sequence } : { boot, sequence, instance };
  }

  /** Whether it was given by a copy of this outbox. */
  isForeign({ boot, instance }: OutboxPosition): boolean {
    if (instance === undefined) return false;
    const own = this.#instances.get(boot);
    if (own !== undefined) return own !== instance;
    const [oldest] = this.#instances.keys();
    return oldest !== undefined && boot > oldest;
  }

  get operation(): StoreOperation {
    const record: LifeRecord = {
      incarnation: this.#incarnation,
      instances: [...this.#instances],
    };
    return { type: "put", key: LIFE_KEY, value: Buffer.from(JSON.stringify(record)) };
  }

  #begin(boot: number): void {
    if (this.#instance !== undefined) this.#instances.set(boot, this.#instance);
    this.forgetBefore(boot - BOOTS_MAX);
  }
}
