/**
 * A database in memory that can lose power, for tests.
 *
 * Completes each write in a later turn of the loop, counts them, and on request fails one or stops
 * for good before or after one, as a crash would. What it holds survives into another instance.
 */
import type { Database, DatabasePut, KeyPage, KeyRange } from "../database.ts";
import { recordRange } from "../keys.ts";

export class MemoryDatabase implements Database {
  readonly pairs: Map<string, Uint8Array>;
  /** How many synced writes were asked for. */
  writes = 0;
  /** Called before each write; throws to fail it, returns "hang" to never complete it. */
  beforeWrite: (write: number) => "hang" | undefined = () => undefined;

  constructor(pairs: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.pairs = new Map(pairs);
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await nextTurn();
    return this.pairs.get(hex(key));
  }

  put(key: Uint8Array, value: Uint8Array): Promise<void> {
    return this.putAll([{ key, value }]);
  }

  async putAll(pairs: readonly DatabasePut[]): Promise<void> {
    this.writes += 1;
    const copies = pairs.map(({ key, value }) => [hex(key), Uint8Array.from(value)] as const);
    await nextTurn();
    if (this.beforeWrite(this.writes) === "hang") await new Promise(() => {});
    for (const [key, value] of copies) this.pairs.set(key, value);
  }

  async *scan(range: KeyRange, pageMax: number): AsyncIterable<KeyPage> {
    const keys = this.#keys(range);
    for (let at = 0; at < keys.length; at += pageMax) {
      await nextTurn();
      yield keys
        .slice(at, at + pageMax)
        .map((key) => [Buffer.from(key, "hex"), this.pairs.get(key) as Uint8Array] as const);
    }
  }

  async remove(range: KeyRange): Promise<void> {
    await nextTurn();
    for (const key of this.#keys(range)) this.pairs.delete(key);
  }

  forgetRecords(sequence: number): Promise<void> {
    return this.remove(recordRange(0, sequence));
  }

  async close(): Promise<void> {
    await nextTurn();
  }

  #keys(range: KeyRange): string[] {
    const from = hex(range.from);
    const to = hex(range.to);
    return [...this.pairs.keys()].filter((key) => key >= from && key < to).toSorted();
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
