/**
 * A log store whose disk is as slow as the suite wants.
 *
 * Every call waits its turn, so that order is kept; a write waits besides before it begins. Nothing
 * is reordered, dropped or answered before it is durable.
 */
import type { LogStore } from "@atoll/raft-replica";

export interface Disk {
  /** How long each write waits, in milliseconds; may change at any time. */
  delayMs: number;
}

export class SlowStore implements LogStore {
  readonly #store: LogStore;
  readonly #disk: Readonly<Disk>;
  /** What waits, in order; the first is the one whose time runs. */
  readonly #waiting: (() => void)[] = [];

  constructor(store: LogStore, disk: Readonly<Disk>) {
    this.#store = store;
    this.#disk = disk;
  }

  write(...words: Parameters<LogStore["write"]>): void {
    this.#inTurn(() => this.#store.write(...words));
  }

  readEntries(...words: Parameters<LogStore["readEntries"]>): void {
    this.#store.readEntries(...words);
  }

  saveSnapshot(...words: Parameters<LogStore["saveSnapshot"]>): void {
    this.#inTurn(() => this.#store.saveSnapshot(...words));
  }

  installSnapshot(...words: Parameters<LogStore["installSnapshot"]>): void {
    this.#inTurn(() => this.#store.installSnapshot(...words));
  }

  readSnapshot(...words: Parameters<LogStore["readSnapshot"]>): void {
    this.#store.readSnapshot(...words);
  }

  compact(...words: Parameters<LogStore["compact"]>): void {
    this.#inTurn(() => this.#store.compact(...words));
  }

  #inTurn(run: () => void): void {
    if (this.#disk.delayMs === 0 && this.#waiting.length === 0) {
      run();
      return;
    }
    this.#waiting.push(run);
    if (this.#waiting.length === 1) this.#waitForFirst();
  }

  #waitForFirst(): void {
    setTimeout(() => {
      this.#waiting.shift()?.();
      if (this.#waiting.length > 0) this.#waitForFirst();
    }, this.#disk.delayMs);
  }
}
