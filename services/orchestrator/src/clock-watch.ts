/**
 * The time of the datacenter at this replica, and what is said when a clock cannot be right.
 *
 * A wall clock far from what the replicas agree on is named in the log of its own replica once, in
 * health, status and metrics for as long as it lasts. It is obeyed by nobody, so nothing stops.
 * Made by the composition root.
 */
import { type ClockStanding, DatacenterTime, type ReplicatedState } from "@atoll/control";
import type { ReplicaDriver } from "@atoll/raft-replica";
import { type Log, type Metrics, systemClock } from "@atoll/service-kit";

export interface ClockWatchOptions {
  readonly replicaId: number;
  readonly replica: Pick<ReplicaDriver, "status">;
  readonly state: Pick<ReplicatedState, "datacenter">;
  readonly metrics: Pick<Metrics, "gauge">;
  readonly log: Pick<Log, "info" | "warn">;
}

/** How wrong a clock may be: more than what a report may be late. */
const TOLERANCE_MS = 5_000;
/** A look in so many ticks. */
const LOOK_EVERY_TICKS = 100;
const MS_PER_SECOND = 1_000;

export class ClockWatch {
  readonly time: DatacenterTime;
  readonly #log: Pick<Log, "info" | "warn">;
  #ticks = 0;
  #wrong = false;
  #believedAlone = 0;

  constructor(options: ClockWatchOptions, clock: typeof systemClock = systemClock) {
    const { replicaId, replica, state, metrics, log } = options;
    this.#log = log;
    this.time = new DatacenterTime({
      replica: replicaId,
      voters: () => replica.status().membership.voters,
      stampMs: () => state.datacenter.stampMs,
      clock,
    });
    const gauge = (name: string, help: string, figure: keyof ClockStanding): void => {
      metrics.gauge(name, help, [], (each) => {
        each.set((this.standing[figure] ?? 0) / MS_PER_SECOND);
      });
    };
    gauge(
      "clock_ahead_seconds",
      "How far the wall clock is ahead of what the replicas agree on.",
      "wallAheadMs",
    );
    gauge(
      "time_ahead_seconds",
      "How far the time in the log is ahead of what the replicas agree on.",
      "timeAheadMs",
    );
  }

  get standing(): ClockStanding {
    return this.time.standing;
  }

  /** What is wrong with the own wall clock, in one sentence; undefined when nothing is. */
  reason(): string | undefined {
    const { wallAheadMs = 0 } = this.standing;
    if (Math.abs(wallAheadMs) <= TOLERANCE_MS) return undefined;
    const seconds = Math.round(Math.abs(wallAheadMs) / MS_PER_SECOND);
    const where = wallAheadMs > 0 ? "ahead of" : "behind";
    return `its clock is ${seconds} s ${where} what the replicas agree on, and is not gone by`;
  }

  tick(): void {
    this.#ticks += 1;
    if (this.#ticks % LOOK_EVERY_TICKS !== 0) return;
    const reason = this.reason();
    if (reason !== undefined && !this.#wrong) this.#log.warn("clock", { reason });
    if (reason === undefined && this.#wrong) this.#log.info("the clock is right again");
    this.#wrong = reason !== undefined;
    if (this.time.believedAlone > this.#believedAlone) {
      this.#log.warn("no other replica said what time it is, the own clock is believed");
    }
    this.#believedAlone = this.time.believedAlone;
  }
}
