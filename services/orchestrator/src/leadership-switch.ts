/**
 * Gives leadership to the loop and takes it away; waits until both are made.
 *
 * The driver tells of changes from its first moment on, before there is a loop: the last one is
 * kept until then. Owned by the composition root.
 */
import type { Leader } from "@atoll/control";
import type { LeadershipChange } from "@atoll/raft-replica";
import type { Log } from "@atoll/service-kit";
import type { BusIntake } from "./bus-intake.ts";

export class LeadershipSwitch {
  readonly #log: Log;
  #parts: { readonly leader: Leader; readonly intake: BusIntake } | undefined;
  #last: LeadershipChange | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  join(parts: { readonly leader: Leader; readonly intake: BusIntake }): void {
    this.#parts = parts;
    if (this.#last !== undefined) this.changed(this.#last);
  }

  /** Told from inside the driver: what follows from it waits for the next turn of the loop. */
  changed(change: LeadershipChange): void {
    this.#last = change;
    if (this.#parts === undefined) return;
    const { leader, intake } = this.#parts;
    this.#log.info("leadership", { ...change });
    if (leader.leading) {
      intake.stop();
      leader.resign();
    }
    if (!change.leading) return;
    leader.lead(change.term);
    intake.start();
  }
}
