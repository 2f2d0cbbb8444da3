/**
 * When a node's facts were taken in, until they are committed; and how long an answer to a crash
 * takes.
 *
 * Bounded by the outbox: a fact that is not in it is not here. Not on the node's disk: it outlives
 * the agent, so that time without one counts.
 */
import type { Order, OutboxPosition, ServiceKey } from "@atoll/domain";
import { comparePositions } from "@atoll/agent-core";
import type { Tally } from "../report/tally.ts";

interface Taken {
  readonly position: OutboxPosition;
  readonly atMs: number;
}

/** Crashes whose order is awaited; more are not timed. */
const CRASHES_MAX = 100;

export class FactTimes {
  readonly #tally: Tally;
  #taken: Taken[] = [];
  readonly #crashedAtMs = new Map<ServiceKey, number>();

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  get waiting(): number {
    return this.#taken.length;
  }

  taken(position: OutboxPosition): void {
    this.#tally.count("factsTaken");
    this.#taken.push({ position, atMs: performance.now() });
  }

  committed(through: OutboxPosition): void {
    const nowMs = performance.now();
    let count = 0;
    for (const { position, atMs } of this.#taken) {
      if (comparePositions(position, through) > 0) break;
      count += 1;
      this.#tally.commitMs.record(nowMs - atMs);
    }
    this.#taken.splice(0, count);
    this.#tally.count("factsCommitted", count);
  }

  /** What waited is gone with its disk. Returns how much that was. */
  forgetAll(): number {
    this.#crashedAtMs.clear();
    return this.#taken.splice(0).length;
  }

  crashed(key: ServiceKey): void {
    if (this.#crashedAtMs.size < CRASHES_MAX) this.#crashedAtMs.set(key, performance.now());
  }

  ordered(order: Order): void {
    if (order.type !== "startService" && order.type !== "restartService") return;
    const atMs = this.#crashedAtMs.get(order.service.key);
    if (atMs === undefined) return;
    this.#crashedAtMs.delete(order.service.key);
    this.#tally.actionMs.record(performance.now() - atMs);
  }
}
