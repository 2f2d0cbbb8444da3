/**
 * The agent's one database: outbox and journal, written together and durably.
 *
 * Writes that wait while another is under way go out as one batch with one sync. A failed write is
 * never reported as done and never dropped: the database is closed, opened anew with a growing
 * pause, and the same batch is written again, which is harmless because every key says what it
 * holds. Until then `failure` says why, and its users take on nothing new.
 */
import type { Store, StoreOperation } from "./store.ts";

export interface AgentDatabaseOptions {
  readonly open: () => Promise<Store>;
  /**
   * Told when writing begins to fail, at each failed attempt, and with undefined when it works
   * again.
   */
  readonly onFailure: (failure: string | undefined, error: unknown) => void;
}

/** The agent is ending; what was to be stored was not, and nobody was told that it was. */
export class DatabaseClosedError extends Error {
  override name = "DatabaseClosedError";
  readonly code = "DATABASE_CLOSED";
  readonly retryable = false;
}

const REOPEN_FIRST_MS = 1_000;
const REOPEN_MOST_MS = 10_000;
/** Of operations in one batch; one write is never split. */
const BATCH_OPERATIONS_MAX = 4_096;

interface Write {
  readonly operations: readonly StoreOperation[];
  readonly done: () => void;
  readonly closed: (error: Error) => void;
}

export class AgentDatabase implements AsyncDisposable {
  readonly #options: AgentDatabaseOptions;
  #store: Store;
  #waiting: Write[] = [];
  #working: Promise<void> | undefined;
  #failure: string | undefined;
  #closing = false;
  #wake: (() => void) | undefined;

  private constructor(options: AgentDatabaseOptions, store: Store) {
    this.#options = options;
    this.#store = store;
  }

  static async open(options: AgentDatabaseOptions): Promise<AgentDatabase> {
    return new AgentDatabase(options, await options.open());
  }

  /** Why nothing can be stored now; undefined when it can. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /**
   * Resolves when the operations are on disk, all of them at once and in the order of calls.
   * Rejects only when the database is closed before.
   */
  write(operations: readonly StoreOperation[]): Promise<void> {
    return new Promise((done, closed) => {
      if (this.#closing) {
        closed(new DatabaseClosedError("the database is closed"));
        return;
      }
      this.#waiting.push({ operations, done, closed });
      this.#working ??= this.#work();
    });
  }

  /** Values of the keys, undefined where there is none. */
  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#store.getMany(keys);
  }

  /** All entries whose key begins with `prefix`, in the order of their keys. */
  scan(prefix: string): AsyncIterable<readonly [string, Uint8Array]> {
    return this.#store.scan(prefix);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    this.#wake?.();
    await this.#working;
    await this.#store.close();
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const writes = this.#takeBatch();
      const stored = await this.#writeUntilStored(writes.flatMap((write) => write.operations));
      for (const { done, closed } of writes) {
        if (stored) done();
        else closed(new DatabaseClosedError("the database was closed before it could store"));
      }
    }
    this.#working = undefined;
  }

  #takeBatch(): Write[] {
    let operations = 0;
    let count = 0;
    for (const write of this.#waiting) {
      operations += write.operations.length;
      if (count > 0 && operations > BATCH_OPERATIONS_MAX) break;
      count += 1;
    }
    return this.#waiting.splice(0, count);
  }

  async #writeUntilStored(operations: readonly StoreOperation[]): Promise<boolean> {
    let pauseMs = REOPEN_FIRST_MS;
    for (;;) {
      try {
        await this.#store.write(operations);
        if (this.#failure !== undefined) this.#fail(undefined, undefined);
        return true;
      } catch (error) {
        this.#fail(describe(error), error);
      }
      if (this.#closing) return false;
      await this.#pause(pauseMs);
      pauseMs = Math.min(pauseMs * 2, REOPEN_MOST_MS);
      await this.#reopen();
    }
  }

  async #reopen(): Promise<void> {
    try {
      await this.#store.close();
      this.#store = await this.#options.open();
    } catch (error) {
      this.#fail(describe(error), error);
    }
  }

  #fail(failure: string | undefined, error: unknown): void {
    this.#failure = failure;
    this.#options.onFailure(failure, error);
  }

  #pause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function describe(error: unknown): string {
  const cause = (error as { cause?: unknown } | undefined)?.cause ?? error;
  return cause instanceof Error ? cause.message : String(cause);
}
