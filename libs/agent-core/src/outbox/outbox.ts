/**
 * What this agent has observed and the orchestrator has not yet committed, on disk, in order.
 *
 * A fact is published only after it is durable here, and forgotten only when the orchestrator's log
 * has it. Positions are given once: a start has its own boot number, and a sequence never goes
 * back. Changes of state get theirs at once. Facts of other lanes are staged in memory, the newest
 * of each thing, and get theirs when the sender has sent all else: so they delay no change of
 * state, and take none of its room. When the outbox is full or the disk refuses, changes of state
 * wait in memory likewise; nothing durable is ever dropped. What is lost there is itself a fact,
 * which goes out before what waited.
 */
import {
  type DroppedFacts,
  type Fact,
  FACT_LANES,
  type FactLane,
  type OutboxPosition,
} from "@atoll/domain";
import { assert } from "@atoll/stdx";
import type { AgentDatabase } from "../storage/agent-database.ts";
import type { StoreOperation } from "../storage/store.ts";
import { decodeFact, encodeFact, isWhole } from "./fact-record.ts";
import { InventoryBase } from "./inventory-base.ts";
import { laneOf } from "./lanes.ts";
import type { OutboxPage } from "./outbox-page.ts";
import { LIFE_KEY, type LifeOptions, OutboxLife } from "./outbox-life.ts";
import {
  comparePositions,
  FACT_PREFIX,
  isNext,
  keyOfPosition,
  positionOfKey,
  START,
} from "./position.ts";
import { type WaitingFact, WaitingFacts } from "./waiting-facts.ts";

export const OUTBOX_FACTS_MAX = 100_000;
export const OUTBOX_BYTES_MAX = 67_108_864;

export interface OutboxOptions extends LifeOptions {
  readonly database: AgentDatabase;
  readonly factsMax?: number;
  readonly bytesMax?: number;
  /** Told when facts were lost for want of room. */
  readonly onDropped?: (dropped: DroppedFacts) => void;
}

interface Stored {
  readonly position: OutboxPosition;
  readonly bytes: number;
}

const COMMITTED_KEY = "outbox!committed";
const NOTHING = new Uint8Array(0);

export class Outbox {
  readonly #database: AgentDatabase;
  readonly #factsMax: number;
  readonly #bytesMax: number;
  /** Durable and not committed, in order of position. */
  #stored: Stored[] = [];
  #bytes = 0;
  /** Given out but perhaps not durable yet. */
  #writing = 0;
  #boot: number;
  #sequence = 0;
  /** Grows when it begins anew: what was being written then belongs to an earlier round. */
  #round = 0;
  #life: OutboxLife;
  #last: OutboxPosition;
  #committed: OutboxPosition = START;
  #holes = 0;
  readonly #waiting = new WaitingFacts();
  readonly #inventoryBase = new InventoryBase();
  /** Most urgent first. */
  readonly #stages: ReadonlyMap<FactLane, WaitingFacts> = new Map(
    FACT_LANES.filter((lane) => lane !== "state").map((lane) => [lane, new WaitingFacts()]),
  );
  readonly #onDropped: (dropped: DroppedFacts) => void;
  readonly #listeners = new Set<() => void>();

  private constructor(options: OutboxOptions) {
    this.#database = options.database;
    this.#factsMax = options.factsMax ?? OUTBOX_FACTS_MAX;
    this.#bytesMax = options.bytesMax ?? OUTBOX_BYTES_MAX;
    this.#onDropped = options.onDropped ?? ((): void => undefined);
    this.#boot = options.boot;
    this.#life = new OutboxLife(undefined, options);
    this.#last = START;
  }

  /**
   * Reads what earlier starts have left. Where records were lost or damaged, what stands behind
   * them can no longer be sent under its own positions, which must be without gap: it is taken over
   * into this start.
   */
  static async open(options: OutboxOptions): Promise<Outbox> {
    const outbox = new Outbox(options);
    await outbox.#load(options);
    return outbox;
  }

  /** The newest durable fact, or the last committed one when there is none. */
  get last(): OutboxPosition {
    return this.#life.named(this.#last);
  }

  /** Up to where the orchestrator is known to have committed. */
  get committed(): OutboxPosition {
    return this.#life.named(this.#committed);
  }

  /** Whether a position that the orchestrator names was given by a copy of this outbox. */
  isForeign(position: OutboxPosition): boolean {
    return this.#life.isForeign(position);
  }

  get size(): number {
    return this.#stored.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Facts that wait for room or for the disk. */
  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** Records that were damaged at the start, or stood behind lost ones. */
  get holes(): number {
    return this.#holes;
  }

  get isFull(): boolean {
    const count = this.#stored.length + this.#writing;
    return count >= this.#factsMax || this.#bytes >= this.#bytesMax;
  }

  /** Facts of the less urgent lanes that have no position yet. */
  get stagedCount(): number {
    return [...this.#stages.values()].reduce((sum, stage) => sum + stage.size, 0);
  }

  /** Called after facts have become durable, or were staged. */
  onStored(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes a fact. Resolves true when it, or a newer one about the same thing, is durable, which for
   * a staged one may be long; false when it was dropped.
   * @param alongside written in the same batch as the fact: both are there, or neither.
   */
  append(fact: Fact, alongside: readonly StoreOperation[] = []): Promise<boolean> {
    const stage = this.#stages.get(laneOf(fact));
    if (stage !== undefined) {
      const stored = stage.add(fact, alongside);
      this.#tell();
      return stored;
    }
    const mustWait = this.#waiting.size > 0 || this.isFull || this.#database.failure !== undefined;
    if (mustWait) return this.#waiting.add(fact, alongside);
    return this.#store(fact, alongside).then(() => true);
  }

  /**
   * Gives the most urgent staged fact its position. For the sender, when everything durable is
   * sent. One at a time: a change of state that comes meanwhile is next.
   */
  promote(): void {
    const busy = this.#writing > 0 || this.#waiting.size > 0;
    if (busy || this.isFull || this.#database.failure !== undefined) return;
    for (const stage of this.#stages.values()) {
      const next = stage.take();
      if (next === undefined) continue;
      for (const dropped of stage.takeDropped()) this.#storeDropped(dropped);
      this.#storeWaiting({ ...next, fact: this.#inventoryBase.shorten(next.fact) });
      return;
    }
  }

  /** The next inventory is reported whole, whatever was reported before. */
  forgetInventory(): void {
    this.#inventoryBase.forget();
  }

  /** The facts right behind `after`, of one boot; undefined when there are none. */
  async read(
    after: OutboxPosition,
    bounds: { readonly factsMax: number; readonly bytesMax: number },
  ): Promise<OutboxPage | undefined> {
    const from = this.#indexAfter(after);
    const first = this.#stored[from]?.position;
    if (first === undefined) return undefined;
    const chosen: OutboxPosition[] = [];
    let bytes = 0;
    for (let index = from; index < this.#stored.length; index += 1) {
      const { position, bytes: size } = this.#stored[index] as Stored;
      const follows =
        position.boot === first.boot && position.sequence === first.sequence + chosen.length;
      bytes += size;
      const fits =
        chosen.length === 0 || (chosen.length < bounds.factsMax && bytes <= bounds.bytesMax);
      if (!follows || !fits) break;
      chosen.push(position);
    }
    const records = await this.#readRecords(chosen);
    const facts: Fact[] = [];
    for (const record of records) {
      // Forgotten while it was read: what follows is read the next time.
      if (record === undefined) break;
      const fact = decodeFact(record);
      assert(fact !== undefined, "a fact that was whole at the start is damaged");
      facts.push(fact);
    }
    if (facts.length === 0) return undefined;
    const named = this.#life.named(first);
    const last = { ...named, sequence: first.sequence + facts.length - 1 };
    return { previous: this.#life.named(after), first: named, last, facts };
  }

  /** Lets go of everything up to `through`, which the orchestrator has committed. */
  async forget(through: OutboxPosition): Promise<void> {
    if (comparePositions(through, this.#committed) <= 0) return;
    this.#committed = through;
    const count = this.#indexAfter(through);
    const gone = this.#stored.splice(0, count);
    for (const { bytes } of gone) this.#bytes -= bytes;
    const kept = this.#stored.at(-1)?.position ?? through;
    if (comparePositions(kept, this.#last) > 0) this.#last = kept;
    const value = Buffer.from(JSON.stringify(through));
    await this.#database.write([
      { type: "put", key: COMMITTED_KEY, value },
      ...gone.map((each) => ({ type: "del" as const, key: keyOf(each) })),
    ]);
    this.drain();
  }

  /**
   * Begins anew under another incarnation, for which nothing is committed. What is not committed is
   * taken along, in its order. @param boot later than every boot before.
   */
  async startOver(boot: number, incarnation: string): Promise<void> {
    const records = new Map<Stored, Uint8Array>();
    const missing = (): Stored[] => this.#stored.filter((each) => !records.has(each));
    for (let more = missing(); more.length > 0; more = missing()) {
      const read = await this.#database.getMany(more.map(keyOf));
      for (const [at, each] of more.entries()) records.set(each, read[at] ?? NOTHING);
    }
    const gone = this.#stored.splice(0);
    this.#bytes = 0;
    this.#inventoryBase.forget();
    this.#round += 1;
    this.#boot = boot;
    this.#last = START;
    this.#committed = START;
    this.#life.startOver(boot, incarnation);
    const kept = gone.map((each) => records.get(each) ?? NOTHING).filter(isWhole);
    await this.#takeOver([COMMITTED_KEY, ...gone.map(keyOf)], kept);
    this.#tell();
  }

  /**
   * Stores what waits, as far as there is room, and first how much was lost meanwhile. Called when
   * the disk works again.
   */
  drain(): void {
    if (this.isFull || this.#database.failure !== undefined) return;
    for (const dropped of this.#waiting.takeDropped()) this.#storeDropped(dropped);
    while (!this.isFull && this.#database.failure === undefined) {
      const waiting = this.#waiting.take();
      if (waiting === undefined) return;
      this.#storeWaiting(waiting);
    }
  }

  #storeWaiting({ fact, alongside, done }: WaitingFact): void {
    this.#store(fact, alongside).then(
      () => done(true),
      () => done(false),
    );
  }

  #storeDropped(dropped: DroppedFacts): void {
    this.#onDropped(dropped);
    const fact: Fact = { type: "factsDropped", observedAtMs: dropped.sinceMs, ...dropped };
    // Rejected only when the agent ends.
    this.#store(fact, []).catch(() => undefined);
  }

  async #store(fact: Fact, alongside: readonly StoreOperation[]): Promise<void> {
    this.#sequence += 1;
    const position: OutboxPosition = { boot: this.#boot, sequence: this.#sequence };
    const round = this.#round;
    const value = encodeFact(fact);
    const put = { type: "put" as const, key: keyOfPosition(position), value };
    this.#writing += 1;
    this.#bytes += value.length;
    try {
      await this.#database.write([put, ...alongside]);
    } finally {
      this.#writing -= 1;
    }
    // The outbox has begun anew meanwhile: the fact has its place behind what was taken along.
    if (round !== this.#round) {
      return this.#store(fact, [{ type: "del", key: keyOfPosition(position) }]);
    }
    this.#stored.push({ position, bytes: value.length });
    this.#last = position;
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #load(options: LifeOptions): Promise<void> {
    const [committed, life] = await this.#database.getMany([COMMITTED_KEY, LIFE_KEY]);
    this.#life = new OutboxLife(life, options);
    const removed: string[] = [];
    if (this.#life.isOther) removed.push(COMMITTED_KEY);
    else if (committed !== undefined) {
      this.#committed = JSON.parse(Buffer.from(committed).toString("utf8")) as OutboxPosition;
    }
    this.#last = this.#committed;
    const takenOver: Uint8Array[] = [];
    for await (const [key, record] of this.#database.scan(FACT_PREFIX)) {
      const position = positionOfKey(key);
      if (comparePositions(position, this.#committed) <= 0) continue;
      const other = this.#life.isOther;
      assert(other || position.boot < this.#boot, "a fact of a boot that has not begun");
      const joined =
        !other && takenOver.length === 0 && isNext(this.#last, position) && isWhole(record);
      if (joined) {
        this.#keep(position, record.length);
        continue;
      }
      if (!other) this.#holes += 1;
      removed.push(key);
      if (isWhole(record)) takenOver.push(record);
    }
    this.#life.forgetBefore(this.#committed.boot);
    if (removed.length > 0) await this.#takeOver(removed, takenOver);
    // Before the first fact, as writes keep their order; a disk that is full now must not wait.
    else this.#database.write([this.#life.operation]).catch(() => undefined);
  }

  /** Gives records positions of this boot, the first ones of it, in place of the removed keys. */
  async #takeOver(removed: readonly string[], records: readonly Uint8Array[]): Promise<void> {
    const boot = this.#boot;
    const positionOf = (index: number): OutboxPosition => ({ boot, sequence: index + 1 });
    this.#sequence = records.length;
    await this.#database.write([
      this.#life.operation,
      ...removed.map((key) => ({ type: "del" as const, key })),
      ...records.map((value, index) => {
        return { type: "put" as const, key: keyOfPosition(positionOf(index)), value };
      }),
    ]);
    for (const [index, { length }] of records.entries()) this.#keep(positionOf(index), length);
  }

  #keep(position: OutboxPosition, bytes: number): void {
    this.#stored.push({ position, bytes });
    this.#bytes += bytes;
    this.#last = position;
  }

  /** Nothing while the disk does not work. */
  async #readRecords(
    positions: readonly OutboxPosition[],
  ): Promise<readonly (Uint8Array | undefined)[]> {
    try {
      return await this.#database.getMany(positions.map(keyOfPosition));
    } catch (error) {
      if (this.#database.failure !== undefined) return [];
      throw error;
    }
  }

  /** The index of the first stored fact behind `after`. */
  #indexAfter(after: OutboxPosition): number {
    let [low, high] = [0, this.#stored.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { position } = this.#stored[middle] as Stored;
      if (comparePositions(position, after) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function keyOf({ position }: Stored): string {
  return keyOfPosition(position);
}
