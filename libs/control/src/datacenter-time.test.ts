/** Time in the log goes on by itself, whatever wall clocks do. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ASK_ALL_MS, DatacenterTime, PATIENCE_MS, STEP_MS } from "./datacenter-time.ts";

const START_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const TICK_MS = 100;

/** Replicas on machines of their own, who tell each other their clocks at each tick. */
class Group {
  passedMs = 0;
  /** The newest stamp of the log, as all have applied it. */
  stampMs = START_MS;
  readonly replicas: Replica[];
  readonly cut = new Set<number>();

  constructor(wrongMs: readonly number[]) {
    this.replicas = wrongMs.map((wrong, at) => new Replica(this, at + 1, wrong));
  }

  at(id: number): Replica {
    return this.replicas[id - 1] as Replica;
  }

  /** True time passes. */
  pass(forMs: number): void {
    for (const untilMs = this.passedMs + forMs; this.passedMs < untilMs;) {
      this.passedMs += TICK_MS;
      for (const replica of this.replicas) replica.tick();
    }
  }

  get trueMs(): number {
    return START_MS + this.passedMs;
  }
}

class Replica {
  readonly id: number;
  wrongMs: number;
  time: DatacenterTime;
  readonly #group: Group;
  readonly #bootMs: number;

  constructor(group: Group, id: number, wrongMs: number) {
    this.id = id;
    this.#group = group;
    this.wrongMs = wrongMs;
    this.#bootMs = id * 7_777;
    this.time = this.#started();
  }

  /** The process starts anew. */
  restart(): void {
    this.time = this.#started();
  }

  tick(): void {
    const { cut, replicas } = this.#group;
    const nowMs = this.#monotonicMs;
    const heard = replicas.filter(({ id }) => id !== this.id && !cut.has(id) && !cut.has(this.id));
    this.time.observe(
      heard.map(({ id, time }) => {
        const { realtimeMs, timeMs } = time.reading;
        const timeAheadMs = timeMs === 0 ? undefined : timeMs - nowMs;
        return { replica: id, wallAheadMs: realtimeMs - nowMs, timeAheadMs };
      }),
    );
  }

  /** How far the time of the datacenter is ahead of the true one. */
  get errorMs(): number {
    return this.time.now() - this.#group.trueMs;
  }

  get #monotonicMs(): number {
    return this.#bootMs + this.#group.passedMs;
  }

  #started(): DatacenterTime {
    return new DatacenterTime({
      replica: this.id,
      voters: () => this.#group.replicas.map(({ id }) => id),
      stampMs: () => this.#group.stampMs,
      clock: {
        monotonicMs: () => this.#monotonicMs,
        realtimeMs: () => this.#group.trueMs + this.wrongMs,
      },
    });
  }
}

function errors(group: Group): number[] {
  return group.replicas.map(({ errorMs }) => errorMs);
}

describe("DatacenterTime", () => {
  test("is that of the other two when the leader's clock leaps by an hour", () => {
    const group = new Group([0, 0, 0]);
    group.pass(MINUTE_MS);
    group.at(1).wrongMs = HOUR_MS;
    group.pass(MINUTE_MS);
    group.at(1).wrongMs = -HOUR_MS;
    group.pass(MINUTE_MS);
    assert.deepEqual(errors(group), [0, 0, 0]);
    assert.deepEqual(group.at(1).time.standing, { wallAheadMs: -HOUR_MS, timeAheadMs: 0 });
    assert.deepEqual(group.at(2).time.standing, { wallAheadMs: 0, timeAheadMs: 0 });
  });

  test("goes on at nine tenths when the log is an hour ahead, until clocks have caught up", () => {
    const group = new Group([0, 0, 0]);
    group.pass(MINUTE_MS);
    group.stampMs = group.trueMs + HOUR_MS;
    const fromMs = group.at(2).time.now();
    assert.equal(fromMs, group.stampMs);
    group.pass(10 * MINUTE_MS);
    assert.equal(group.at(2).time.now() - fromMs, 9 * MINUTE_MS);
    group.pass(10 * HOUR_MS);
    assert.deepEqual(errors(group), [0, 0, 0]);
  });

  test("is drawn by a tenth, no more, when all clocks leap by an hour", () => {
    const group = new Group([0, 0, 0]);
    group.pass(MINUTE_MS);
    for (const replica of group.replicas) replica.wrongMs = HOUR_MS;
    group.pass(TICK_MS);
    group.pass(10 * MINUTE_MS);
    assert.deepEqual(errors(group), [MINUTE_MS, MINUTE_MS, MINUTE_MS]);
    for (const replica of group.replicas) replica.wrongMs = -HOUR_MS;
    group.pass(TICK_MS);
    group.pass(10 * MINUTE_MS);
    // The ticks in which clocks leap are still drawn as before.
    assert.deepEqual(errors(group), [10, 10, 10]);
  });

  test("is what the clocks agree on once that is too far ahead to be drawn nearer", () => {
    const group = new Group([0, 0, 0]);
    group.pass(MINUTE_MS);
    group.at(1).wrongMs = STEP_MS * 100;
    group.pass(MINUTE_MS);
    assert.deepEqual(errors(group), [0, 0, 0]);
    for (const replica of group.replicas) replica.wrongMs = STEP_MS * 100;
    group.pass(TICK_MS);
    assert.deepEqual(errors(group), [STEP_MS * 100, STEP_MS * 100, STEP_MS * 100]);
  });

  test("never goes back, also when all clocks do", () => {
    const group = new Group([0, 0, 0]);
    let lastMs = 0;
    for (const wrongMs of [0, -HOUR_MS, HOUR_MS, -100 * HOUR_MS]) {
      for (const replica of group.replicas) replica.wrongMs = wrongMs;
      for (let tick = 0; tick < 50; tick += 1) {
        group.pass(TICK_MS);
        const nowMs = group.at(1).time.now();
        assert.ok(nowMs - lastMs >= TICK_MS * 0.9 - 1, `from ${lastMs} to ${nowMs}`);
        lastMs = nowMs;
      }
    }
  });

  test("is told to a replica that was just started, whatever its clock and another's say", () => {
    const group = new Group([0, 0, 0]);
    group.pass(MINUTE_MS);
    group.at(1).wrongMs = HOUR_MS;
    group.at(3).wrongMs = HOUR_MS;
    group.at(1).restart();
    assert.equal(group.at(1).time.ready(), false);
    group.pass(2 * TICK_MS);
    assert.equal(group.at(1).time.ready(), true);
    assert.ok(group.at(1).errorMs < 100);
    assert.equal(group.at(1).time.believedAlone, 0);
  });

  test("is what two of three clocks say where nobody knows it", () => {
    const group = new Group([HOUR_MS, 0, 0]);
    group.pass(MINUTE_MS);
    for (const replica of group.replicas) replica.restart();
    group.pass(HOUR_MS / 2);
    assert.deepEqual(errors(group), [0, 0, 0]);
  });

  test("is waited for where two of three were just started, and the third is heard last", () => {
    const group = new Group([0, 0, 0]);
    group.pass(MINUTE_MS);
    for (const id of [2, 3]) {
      group.at(id).wrongMs = HOUR_MS;
      group.at(id).restart();
    }
    group.cut.add(1);
    group.pass(ASK_ALL_MS - TICK_MS);
    group.cut.delete(1);
    group.pass(TICK_MS);
    assert.ok(group.at(2).time.known && group.at(3).time.known);
    assert.ok(
      errors(group).every((errorMs) => errorMs < ASK_ALL_MS),
      errors(group).join(),
    );
  });

  test("goes at its own pace where no majority is heard, and where two clocks disagree", () => {
    const group = new Group([0, 0, 0]);
    group.pass(MINUTE_MS);
    group.cut.add(3);
    group.at(1).wrongMs = HOUR_MS;
    group.at(3).wrongMs = HOUR_MS;
    group.pass(MINUTE_MS);
    assert.deepEqual(errors(group), [0, 0, 0]);
    assert.deepEqual(group.at(3).time.standing, {
      wallAheadMs: undefined,
      timeAheadMs: undefined,
    });
  });

  test("is the own clock's at last where a leader that was just started hears nobody", () => {
    const group = new Group([HOUR_MS, 0, 0]);
    for (const { id } of group.replicas) group.cut.add(id);
    assert.equal(group.at(1).time.ready(), false);
    group.pass(PATIENCE_MS - TICK_MS);
    assert.equal(group.at(1).time.ready(), false);
    group.pass(TICK_MS);
    assert.equal(group.at(1).time.ready(), true);
    assert.equal(group.at(1).errorMs, HOUR_MS);
    assert.equal(group.at(1).time.believedAlone, 1);
  });

  test("is the clock's at once in a group of one", () => {
    const group = new Group([HOUR_MS]);
    group.pass(TICK_MS);
    assert.equal(group.at(1).time.ready(), true);
    assert.equal(group.at(1).errorMs, HOUR_MS);
  });
});
