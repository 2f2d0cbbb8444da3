/**
 * Reports the machine's inventory: at the start, and whenever a periodic look finds it changed.
 *
 * A report waits its turn behind changes of state; a newer one takes its place.
 */
import type { Outbox } from "@atoll/agent-core";
import type { Inventory } from "@atoll/domain";
import { canonicalJson, type Clock } from "@atoll/stdx";

export interface InventoryWatchOptions {
  readonly read: () => Promise<Inventory>;
  readonly outbox: Pick<Outbox, "append">;
  readonly clock: Clock;
  readonly onBroken: (error: unknown) => void;
}

export const INVENTORY_REFRESH_MS = 300_000;

export class InventoryWatch implements Disposable {
  readonly #options: InventoryWatchOptions;
  #reported = "";
  #looking: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: InventoryWatchOptions) {
    this.#options = options;
  }

  start(): void {
    void this.look();
    this.#timer = setInterval(() => void this.look(), INVENTORY_REFRESH_MS);
  }

  /** Looks now; one look at a time. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch(this.#options.onBroken)
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  /** Reports at the next look whatever it finds. */
  async lookAnew(): Promise<void> {
    await this.#looking;
    this.#reported = "";
    await this.look();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { read, outbox, clock, onBroken } = this.#options;
    const inventory = await read();
    const text = canonicalJson(inventory);
    if (text === this.#reported) return;
    const observedAtMs = clock.realtimeMs();
    this.#reported = text;
    outbox.append({ type: "inventoryObserved", observedAtMs, inventory }).catch(onBroken);
  }
}
