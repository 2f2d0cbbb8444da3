/**
 * Asks around for where the others are, while nobody leads as far as this replica can tell.
 *
 * A replica takes calls only from those it knows, and learns of others from the log. One that joins
 * by the address of a single member, or was away while all others were replaced, may know nobody
 * who leads: it would never get the log that names the leader. So it asks those it knows, who tell
 * where all members are. What they tell counts until the own state is as new as theirs was. Never
 * asks while somebody leads. Called by the group keeper at each look.
 */
import type { GetStatusResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { ReplicaId } from "raft-ts";

export interface AddressFinderOptions {
  /** Asks all of these and whoever they know; those that answer, who has applied most first. */
  readonly ask: (addresses: readonly string[]) => Promise<readonly GetStatusResponse[]>;
}

/** How this replica stands at a look. */
export interface Bearings {
  readonly leader: ReplicaId;
  readonly appliedIndex: number;
  /** Where it looks for the others now. */
  readonly addresses: readonly string[];
}

/** Elections take less. */
const ALONE_MS = 500;
const ASK_EVERY_MS = 1_000;
const NOBODY: ReadonlyMap<ReplicaId, string> = new Map();

export class AddressFinder {
  readonly #options: AddressFinderOptions;
  #askAtMs: number | undefined;
  #asking = false;
  #told: ReadonlyMap<ReplicaId, string> = NOBODY;
  /** How far the state was of those that told. */
  #toldAtIndex = 0;

  constructor(options: AddressFinderOptions) {
    this.#options = options;
  }

  /** Where others are, as was told; empty once the own state knows as much. */
  look(nowMs: number, { leader, appliedIndex, addresses }: Bearings): ReadonlyMap<number, string> {
    if (leader !== 0) this.#askAtMs = undefined;
    else this.#askAtMs ??= nowMs + ALONE_MS;
    if (this.#askAtMs !== undefined && nowMs >= this.#askAtMs && !this.#asking) {
      this.#askAtMs = nowMs + ASK_EVERY_MS;
      void this.#ask(addresses);
    }
    return appliedIndex < this.#toldAtIndex ? this.#told : NOBODY;
  }

  async #ask(addresses: readonly string[]): Promise<void> {
    this.#asking = true;
    const [newest] = await this.#options.ask(addresses).catch(() => []);
    this.#asking = false;
    if (newest === undefined) return;
    this.#told = new Map(
      Object.entries(newest.addresses).map(([id, address]) => [Number(id), address]),
    );
    this.#toldAtIndex = newest.appliedIndex;
  }
}
