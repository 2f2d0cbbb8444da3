/** What a replica says of nodes it cannot hear for reasons of its own: nothing. */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { Clock } from "@atoll/stdx";
import { Datacenter, type DatacenterName, type LogEntry, type NodeName } from "@atoll/domain";
import { DatacenterTime } from "./datacenter-time.ts";
import { DETECTION_DEFAULTS } from "./detection-settings.ts";
import type { LogCodec } from "./ports.ts";
import { ReplicatedState } from "./replicated-state.ts";
import { ReplicaWatch } from "./replica-watch.ts";
import type { WatchReport } from "./watch-report.ts";

const { doubtAfterMs, lostAfterMs, regroupMs, stallMs } = DETECTION_DEFAULTS;
const TICK_MS = 10;
const N1 = "n1" as NodeName;
const DISCOVERED: LogEntry = {
  stampMs: 1,
  events: [
    { event: { type: "nodeDiscovered", node: N1, incarnation: "i1", labels: {} }, actor: "test" },
  ],
};
const WIPED: LogEntry = {
  stampMs: 2,
  events: [{ event: { type: "nodeWiped", node: N1, incarnation: "i2", lost: 0 }, actor: "test" }],
};
const CODEC: LogCodec = {
  encodeLogEntry: () => new Uint8Array(1),
  decodeLogEntry: ([first]) => (first === 0 ? DISCOVERED : WIPED),
  encodeSnapshot: () => [],
  snapshotChunks: () => [][Symbol.iterator](),
  snapshotReader: () => ({ take: () => undefined, finish: () => new Datacenter() }),
};

/** One replica alone; its reports come back after `echoMs`, or never. */
class Harness {
  readonly state: ReplicatedState = new ReplicatedState(CODEC);
  readonly probed: string[] = [];
  nowMs = 1_000;
  echoMs: number | undefined = 1;
  last: WatchReport | undefined;
  #echoes: { readonly atMs: number; readonly report: WatchReport }[] = [];
  readonly #clock: Clock = { monotonicMs: () => this.nowMs, realtimeMs: () => 0 };
  readonly watch: ReplicaWatch = new ReplicaWatch({
    datacenter: "dc1" as DatacenterName,
    replica: 1,
    life: 7,
    state: this.state,
    clock: this.#clock,
    time: new DatacenterTime({
      replica: 1,
      voters: () => [1],
      stampMs: () => this.state.datacenter.stampMs,
      clock: this.#clock,
    }),
    settings: DETECTION_DEFAULTS,
    link: {
      hearShards: () => {},
      probe: (node) => void this.probed.push(node),
      publish: (report) => {
        this.last = report;
        if (this.echoMs !== undefined) {
          this.#echoes.push({ atMs: this.nowMs + this.echoMs, report });
        }
      },
    },
    shards: { count: 4, of: () => 0 },
    read: () => ({
      incarnation: "i1",
      committed: { boot: 0, sequence: 0 },
      maintenance: false,
      server: "s1",
    }),
  });

  /** Ticks until so much time has passed; `beats` says whether the node is heard each second. */
  pass(forMs: number, beats = false): void {
    const untilMs = this.nowMs + forMs;
    while (this.nowMs < untilMs) {
      this.nowMs += TICK_MS;
      const due = this.#echoes.filter(({ atMs }) => atMs <= this.nowMs);
      this.#echoes = this.#echoes.filter(({ atMs }) => atMs > this.nowMs);
      if (beats && this.nowMs % 1_000 === 0) this.watch.heartbeat(N1, new Uint8Array(1));
      for (const { report } of due) this.watch.report(report);
      this.watch.tick();
    }
  }

  get silentMs(): number | undefined {
    return this.last?.silent[0]?.silentMs;
  }
}

describe("ReplicaWatch", () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
    harness.state.apply(1, new Uint8Array(1));
    harness.watch.linkChanged("s1");
    harness.pass(regroupMs, true);
  });

  test("says who is silent, probes it, and leads it to a verdict", () => {
    harness.watch.begin();
    harness.pass(lostAfterMs + 300);
    assert.ok((harness.silentMs ?? 0) >= lostAfterMs);
    assert.ok(harness.probed.length >= DETECTION_DEFAULTS.probesMin);
    const [verdict] = harness.watch.verdicts(harness.nowMs);
    assert.deepEqual(verdict && "presence" in verdict && verdict.presence, "lost");
    assert.deepEqual(harness.watch.verdicts(harness.nowMs), []);
  });

  test("counts silence only up to when it could hear", () => {
    harness.echoMs = 1_000;
    harness.pass(doubtAfterMs + 900);
    assert.equal(harness.silentMs, undefined);
    harness.pass(200);
    assert.ok((harness.silentMs ?? 0) < doubtAfterMs + 200);
  });

  test("is deaf when its own reports do not come back, and then gives half a minute", () => {
    harness.echoMs = undefined;
    harness.pass(5_000);
    assert.deepEqual(harness.last?.shards, []);
    assert.equal(harness.silentMs, undefined);
    harness.echoMs = 1;
    harness.pass(regroupMs - lostAfterMs);
    assert.equal(harness.silentMs, undefined);
    harness.pass(lostAfterMs);
    assert.ok((harness.silentMs ?? 0) >= doubtAfterMs);
  });

  test("gives half a minute after the bus was away, however shortly", () => {
    harness.watch.linkChanged("");
    harness.watch.linkChanged("s2");
    harness.pass(regroupMs - lostAfterMs + doubtAfterMs - 100);
    assert.equal(harness.silentMs, undefined);
    assert.equal(harness.last?.shards[0]?.uninterruptedMs !== undefined, true);
    harness.pass(500);
    assert.ok((harness.silentMs ?? 0) >= doubtAfterMs);
  });

  test("gives every node its full time after its own loop stood still", () => {
    harness.pass(1_000);
    harness.nowMs += stallMs + 5_000;
    harness.pass(doubtAfterMs - 100);
    assert.equal(harness.silentMs, undefined);
    const listened = harness.last?.shards[0]?.uninterruptedMs ?? 0;
    assert.ok(listened < doubtAfterMs);
    harness.pass(500);
    assert.ok((harness.silentMs ?? 0) >= doubtAfterMs);
  });

  test("counts the silence of another agent from when that is the node", () => {
    harness.pass(lostAfterMs);
    assert.equal(harness.last?.silent[0]?.incarnation, "i1");
    harness.state.apply(2, Uint8Array.of(1));
    harness.pass(doubtAfterMs);
    assert.equal(harness.silentMs, undefined);
    harness.pass(500);
    assert.equal(harness.last?.silent[0]?.incarnation, "i2");
    assert.ok((harness.silentMs ?? 0) < doubtAfterMs + 500);
  });

  test("says nothing as a leader that it is not", () => {
    harness.pass(lostAfterMs + 300);
    assert.deepEqual(harness.watch.verdicts(harness.nowMs), []);
  });
});
