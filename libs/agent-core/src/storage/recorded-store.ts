/**
 * A store that tells, line by line, what its agent took in and what it took on.
 *
 * For those who hold an agent against the log: nothing lost, nothing twice. A fact is told before
 * its write and when it is durable, an action when its entry is durable and before it runs. So a
 * kill leaves nothing out that can be seen elsewhere. It changes nothing and keeps nothing;
 * `tell` must be synchronous and must not throw.
 */
import type { ActionId, Fact, TargetKey } from "@atoll/domain";
import type { ActionEntry } from "../actions/action-entry.ts";
import { ACTION_PREFIX } from "../actions/action-journal.ts";
import { decodeFact } from "../outbox/fact-record.ts";
import { FACT_PREFIX, positionOfKey } from "../outbox/position.ts";
import type { Store, StoreOperation } from "./store.ts";

/** One line of the record of an agent. Positions are of the incarnation that its start names. */
export type RecordedLine =
  /** A fact is about to be written; from now on it may come to the log. */
  | {
      readonly type: "offered";
      readonly boot: number;
      readonly sequence: number;
      readonly fact: Fact;
    }
  /** It is durable: it must come to the log. */
  | { readonly type: "stored"; readonly boot: number; readonly sequence: number }
  /** An action is in the journal, and is about to be carried out. */
  | {
      readonly type: "taken";
      readonly action: ActionId;
      readonly target: TargetKey;
      readonly generation: number;
      readonly term: number;
      readonly order: string;
    }
  | { readonly type: "finished"; readonly action: ActionId; readonly outcome: string };

export class RecordedStore implements Store {
  readonly #store: Store;
  readonly #tell: (line: RecordedLine) => void;

  constructor(store: Store, tell: (line: RecordedLine) => void) {
    this.#store = store;
    this.#tell = tell;
  }

  async write(operations: readonly StoreOperation[]): Promise<void> {
    const puts = operations.filter((operation) => operation.type === "put");
    const facts = puts.filter(({ key }) => key.startsWith(FACT_PREFIX));
    for (const { key, value } of facts) {
      const fact = decodeFact(value);
      if (fact !== undefined) this.#tell({ type: "offered", ...positionOfKey(key), fact });
    }
    await this.#store.write(operations);
    for (const { key } of facts) this.#tell({ type: "stored", ...positionOfKey(key) });
    for (const { key, value } of puts) {
      if (key.startsWith(ACTION_PREFIX)) this.#tellAction(value);
    }
  }

  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#store.getMany(keys);
  }

  scan(prefix: string): AsyncIterable<readonly [string, Uint8Array]> {
    return this.#store.scan(prefix);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #tellAction(value: Uint8Array): void {
    const entry = JSON.parse(Buffer.from(value).toString("utf8")) as ActionEntry;
    const { action, target, generation, term } = entry;
    if (entry.withdrawn === true) return;
    if (entry.result !== undefined) {
      this.#tell({ type: "finished", action, outcome: entry.result.outcome });
    } else {
      const order = entry.order?.type ?? "unknown";
      this.#tell({ type: "taken", action, target, generation, term, order });
    }
  }
}
