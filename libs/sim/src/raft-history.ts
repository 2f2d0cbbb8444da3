/**
 * What the clients of a simulated group asked and were told, for the linearizability checker.
 *
 * Time is the count of calls and answers, so that their order is exact even where virtual time
 * stands still. An operation that was refused never happened and is forgotten; one without an
 * answer stays unknown. Written by clients, read when a run ends.
 */
import type { Call, Operation, Result } from "@atoll/linearizability";

interface Begun {
  readonly process: string;
  readonly key: string;
  readonly call: Call;
  readonly invokedAt: number;
  returned: Operation["returned"];
  dropped: boolean;
}

export class RaftHistory {
  readonly #operations: Begun[] = [];
  #time = 0;

  /** An operation begins; the number names it. */
  begin(process: string, key: string, call: Call): number {
    this.#time += 1;
    const invokedAt = this.#time;
    this.#operations.push({ process, key, call, invokedAt, returned: undefined, dropped: false });
    return this.#operations.length - 1;
  }

  end(operation: number, result: Result): void {
    this.#time += 1;
    (this.#operations[operation] as Begun).returned = { at: this.#time, result };
  }

  /** It certainly never happened, or was a read. */
  drop(operation: number): void {
    (this.#operations[operation] as Begun).dropped = true;
  }

  operations(): Operation[] {
    return this.#operations
      .filter((each) => !each.dropped)
      .map(({ process, key, call, invokedAt, returned }) => ({
        process,
        key,
        call,
        invokedAt,
        returned,
      }));
  }
}
