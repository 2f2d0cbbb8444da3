/** However many nodes a state has that was read anew, no tick of the watch looks at many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Datacenter, type DatacenterName, evolve, type NodeName } from "@atoll/domain";
import { DatacenterTime } from "./datacenter-time.ts";
import { DETECTION_DEFAULTS } from "./detection-settings.ts";
import type { LogCodec } from "./ports.ts";
import { ReplicaWatch } from "./replica-watch.ts";
import { ReplicatedState } from "./replicated-state.ts";
import type { WatchReport } from "./watch-report.ts";

const NODES = 12_000;
const LOOKS_PER_TICK_MAX = 2_500;
const TICK_MS = 10;

function datacenterOf(nodes: number): Datacenter {
  const state = new Datacenter();
  for (let number = 0; number < nodes; number += 1) {
    const node = `n${number}` as NodeName;
    const since = { index: 1, offset: number, stampMs: 1 };
    evolve(state, { type: "nodeDiscovered", node, incarnation: "i1", labels: {} }, since, "test");
  }
  return state;
}

function codecOf(state: Datacenter): LogCodec {
  return {
    encodeLogEntry: () => new Uint8Array(0),
    decodeLogEntry: () => ({ stampMs: 1, events: [] }),
    encodeSnapshot: () => [],
    snapshotChunks: () => [][Symbol.iterator](),
    snapshotReader: () => ({ take: () => undefined, finish: () => state }),
  };
}

test("ReplicaWatch takes up another state a few nodes at each tick", (context) => {
  const state = new ReplicatedState(codecOf(datacenterOf(NODES)));
  let nowMs = 1_000;
  const clock = { monotonicMs: () => nowMs, realtimeMs: () => 0 };
  let reports: WatchReport[] = [];
  const watch = new ReplicaWatch({
    datacenter: "dc1" as DatacenterName,
    replica: 1,
    life: 7,
    state,
    clock,
    time: new DatacenterTime({
      replica: 1,
      voters: () => [1],
      stampMs: () => state.datacenter.stampMs,
      clock,
    }),
    settings: DETECTION_DEFAULTS,
    link: {
      hearShards: () => {},
      probe: () => {},
      publish: (report) => void reports.push(report),
    },
    shards: { count: 4, of: () => 0 },
    read: () => undefined,
  });
  const tick = (): void => {
    nowMs += TICK_MS;
    const due = reports.splice(0);
    for (const report of due) watch.report(report);
    watch.tick();
  };
  watch.linkChanged("s1");
  for (let ticks = 0; ticks < 500; ticks += 1) tick();
  reports = [];
  state.restore(7, [new Uint8Array(1)]);

  const node = context.mock.method(Datacenter.prototype, "node");
  const walk = context.mock.method(Datacenter.prototype, "nodes");
  const ticksMax = NODES / 1_000 + 2;
  for (let ticks = 0; ticks < ticksMax; ticks += 1) {
    const before = node.mock.callCount();
    tick();
    const looks = node.mock.callCount() - before;
    assert.ok(looks <= LOOKS_PER_TICK_MAX, `${looks} looks in a tick`);
  }
  assert.equal(walk.mock.callCount(), 0);
  assert.equal(watch.figures.nodes, NODES);
});
