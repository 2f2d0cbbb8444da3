/**
 * A disk in memory that can fail: for agents whose node is simulated, and for tests.
 *
 * It outlives the stores opened on it, as a disk outlives a process.
 */
import type { Store, StoreOperation } from "./store.ts";

export class MemoryDisk {
  readonly content: Map<string, Uint8Array> = new Map();
  /** While set, writes and opening fail with it. */
  failure: Error | undefined;
  /** Whether the next failing write stores its batch all the same, as a disk may. */
  storesWhenFailing = false;
  writes = 0;

  open(): Promise<Store> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    let open = true;
    const { content } = this;
    const write = (operations: readonly StoreOperation[]): Promise<void> => {
      if (!open) return Promise.reject(new Error("the store is closed"));
      this.writes += 1;
      if (this.failure === undefined || this.storesWhenFailing) this.#apply(operations);
      return this.failure === undefined ? Promise.resolve() : Promise.reject(this.failure);
    };
    return Promise.resolve({
      write,
      getMany: (keys) => Promise.resolve(keys.map((key) => content.get(key))),
      async *scan(prefix) {
        for (const key of [...content.keys()].toSorted()) {
          if (key.startsWith(prefix)) yield [key, content.get(key) as Uint8Array] as const;
        }
      },
      close: () => {
        open = false;
        return Promise.resolve();
      },
    });
  }

  #apply(operations: readonly StoreOperation[]): void {
    for (const operation of operations) {
      if (operation.type === "put") this.content.set(operation.key, operation.value);
      else this.content.delete(operation.key);
    }
  }
}
