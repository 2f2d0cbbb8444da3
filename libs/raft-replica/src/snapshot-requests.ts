/**
 * Who asked for a snapshot and has no answer yet.
 *
 * A request names what was applied when it came; any snapshot at or after that answers it. Called
 * by `Replica`.
 */
import type { SnapshotOutcome } from "./ports.ts";

/** Requests that wait at once; more are refused. */
const REQUESTS_MAX = 1_024;

interface SnapshotRequest {
  readonly index: number;
  readonly done: (outcome: SnapshotOutcome) => void;
}

export class SnapshotRequests {
  #requests: SnapshotRequest[] = [];

  add(index: number, done: (outcome: SnapshotOutcome) => void): void {
    if (this.#requests.length < REQUESTS_MAX) this.#requests.push({ index, done });
    else done({ type: "refused", reason: "overloaded" });
  }

  /** The newest snapshot is at `snapshotIndex`; true when somebody still waits for a newer one. */
  answer(snapshotIndex: number): boolean {
    const ready = this.#requests.filter((each) => each.index <= snapshotIndex);
    this.#requests = this.#requests.filter((each) => each.index > snapshotIndex);
    for (const each of ready) each.done({ type: "saved", index: snapshotIndex });
    return this.#requests.length > 0;
  }

  stop(): void {
    const requests = this.#requests;
    this.#requests = [];
    for (const each of requests) each.done({ type: "refused", reason: "stopped" });
  }
}
