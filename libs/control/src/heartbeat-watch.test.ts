import assert from "node:assert/strict";
import { test } from "node:test";
import { Datacenter, type DomainEvent, evolve, type NodeName } from "@atoll/domain";
import { DETECTION_DEFAULTS } from "./detection-settings.ts";
import { HeartbeatWatch } from "./heartbeat-watch.ts";

const { answerWithinMs, doubtAfterMs, probeEveryMs, probesPerSecondMax } = DETECTION_DEFAULTS;
const settings = { ...DETECTION_DEFAULTS, nodesPerReportMax: 50 };

class Harness {
  readonly state: Datacenter = new Datacenter();
  decoded = 0;
  readonly watch: HeartbeatWatch = new HeartbeatWatch({
    settings,
    view: () => this.state,
    shardOf: (node) => (node.startsWith("other-") ? 1 : 0),
    read: (_node, payload) => {
      this.decoded += 1;
      if (payload.length === 0) return undefined;
      const [incarnation, sequence] = new TextDecoder().decode(payload).split(" ");
      const committed = { boot: Number(sequence) === 0 ? 0 : 1, sequence: Number(sequence) };
      const more = { maintenance: false, server: "s1" };
      return { incarnation: incarnation ?? "", committed, ...more };
    },
  });
  #index = 0;

  constructor(nodes = 1) {
    for (let number = 1; number <= nodes; number += 1) this.discover(`n${number}`);
    this.watch.watch(new Set([0]), 0);
    while (this.watch.watchedCount < nodes) this.watch.goOn(0);
  }

  apply(event: DomainEvent): void {
    this.#index += 1;
    evolve(this.state, event, { index: this.#index, offset: 0, stampMs: 1 }, "test");
    this.watch.applied(event);
  }

  discover(name: string): void {
    const node = name as NodeName;
    this.apply({ type: "nodeDiscovered", node, incarnation: "i1", labels: {} });
  }

  hear(name: string, nowMs: number, text = "i1 0"): boolean {
    return this.watch.hear(name, new TextEncoder().encode(text), nowMs);
  }

  silent(untilMs: number): string[] {
    this.watch.look(untilMs);
    return this.watch.silent(untilMs).map(({ node, silentMs }) => `${node} ${silentMs}`);
  }
}

test("HeartbeatWatch doubts a node from its last heartbeat on, until it is heard", () => {
  const harness = new Harness(2);
  harness.hear("n1", 1_000);
  harness.hear("n2", 1_200);
  assert.deepEqual(harness.silent(1_000 + doubtAfterMs - 1), []);
  assert.deepEqual(harness.silent(1_000 + doubtAfterMs), [`n1 ${doubtAfterMs}`]);
  harness.hear("n1", 2_400);
  assert.deepEqual(harness.silent(1_200 + doubtAfterMs), [`n2 ${doubtAfterMs}`]);
});

test("HeartbeatWatch does not decode what was said before", () => {
  const harness = new Harness();
  for (let second = 1; second <= 10; second += 1) harness.hear("n1", second * 1_000);
  assert.equal(harness.decoded, 1);
  harness.hear("n1", 11_000, "i1 1");
  assert.equal(harness.decoded, 2);
});

test("HeartbeatWatch takes the heartbeat of another life for none", () => {
  const harness = new Harness();
  harness.hear("n1", 1_000);
  harness.hear("n1", 2_000, "i2 0");
  assert.deepEqual(harness.silent(1_000 + doubtAfterMs), [`n1 ${doubtAfterMs}`]);
  assert.equal(harness.hear("n1", 2_000, ""), false);
});

test("HeartbeatWatch gives every node its full time after an interruption, and grace", () => {
  const harness = new Harness(2);
  harness.hear("n1", 1_000);
  harness.watch.interrupt(9_000, 5_000);
  assert.deepEqual(harness.silent(14_000 + doubtAfterMs - 1), []);
  harness.hear("n1", 14_000 + doubtAfterMs - 1);
  assert.deepEqual(harness.silent(14_000 + doubtAfterMs), [`n2 ${doubtAfterMs}`]);
});

test("HeartbeatWatch does not cut a grace short by a further interruption", () => {
  const harness = new Harness();
  harness.watch.interrupt(1_000, 20_000);
  harness.watch.interrupt(2_000, 0);
  assert.deepEqual(harness.silent(21_000 + doubtAfterMs - 1), []);
  assert.deepEqual(harness.silent(21_000 + doubtAfterMs), [`n1 ${doubtAfterMs}`]);
});

test("HeartbeatWatch probes the silent in turn, within its bound", () => {
  const nodes = probesPerSecondMax / 10 + 10;
  const harness = new Harness(nodes);
  harness.watch.look(doubtAfterMs);
  const first = harness.watch.takeProbes(5_000);
  assert.equal(first.length, probesPerSecondMax / 10);
  assert.deepEqual(harness.watch.takeProbes(5_000), []);
  const second = harness.watch.takeProbes(5_000 + probeEveryMs);
  assert.equal(second.length, probesPerSecondMax / 10);
  const never = [...Array(nodes).keys()].filter(
    (at) => !first.includes(`n${at + 1}` as NodeName) && !second.includes(`n${at + 1}` as NodeName),
  );
  assert.deepEqual(never, []);
});

test("HeartbeatWatch asks first who may be judged now, whoever else is silent", () => {
  const { probesMin } = settings;
  const dark = probesPerSecondMax * 2;
  const harness = new Harness(dark);
  const share = { silent: dark, nodes: dark };
  for (let number = 1; number <= dark; number += 1) harness.hear(`n${number}`, 1_000);
  harness.apply({ type: "sightLost", domain: "bus/s1", ...share });
  harness.watch.look(5_000);
  // So many that each has its turn only every two seconds.
  for (let atMs = 5_000; atMs < 8_000; atMs += 50) harness.watch.takeProbes(atMs);
  harness.discover("other");
  harness.watch.add(harness.state.node("other" as NodeName)!, 8_000);
  harness.watch.look(8_000 + doubtAfterMs);
  let asked = 0;
  for (let atMs = 9_300; atMs < 9_300 + probesMin * probeEveryMs; atMs += 50) {
    asked += harness.watch.takeProbes(atMs).filter((name) => name === "other").length;
  }
  assert.equal(asked, probesMin);
});

test("HeartbeatWatch probes one node every so often, and starts anew when it was heard", () => {
  const harness = new Harness();
  harness.watch.look(doubtAfterMs);
  for (let nowMs = 5_000; nowMs < 5_400; nowMs += 10) harness.watch.takeProbes(nowMs);
  assert.equal(harness.watch.silent(6_000)[0]?.probes, 400 / probeEveryMs);
  // Those under way may be answered yet.
  assert.equal(harness.watch.silent(5_300 + answerWithinMs - 1)[0]?.probes, 3);
  harness.hear("n1", 6_000);
  harness.watch.look(6_000 + doubtAfterMs);
  assert.equal(harness.watch.silent(6_000 + doubtAfterMs)[0]?.probes, 0);
});

test("HeartbeatWatch names more silent nodes than fit by turns", () => {
  const harness = new Harness(120);
  harness.watch.look(doubtAfterMs);
  const named = new Set<string>();
  for (let report = 0; report < 3; report += 1) {
    const silent = harness.watch.silent(doubtAfterMs);
    assert.equal(silent.length, 50);
    for (const { node } of silent) named.add(node);
  }
  assert.equal(named.size, 120);
});

test("HeartbeatWatch leaves a lost node alone until it is heard or somebody heard it", () => {
  const harness = new Harness(2);
  harness.watch.look(doubtAfterMs);
  for (const node of ["n1", "n2"] as NodeName[]) {
    harness.apply({ type: "nodeLost", node, silentMs: 1 });
    harness.watch.lost(node);
  }
  assert.deepEqual(harness.silent(60_000), []);
  harness.hear("n1", 60_000);
  assert.deepEqual(harness.watch.back(60_100), ["n1"]);
  harness.apply({ type: "nodeReturned", node: "n2" as NodeName });
  harness.watch.returned("n2" as NodeName, 60_000);
  assert.deepEqual(harness.silent(60_000 + doubtAfterMs).toSorted(), [
    `n1 ${doubtAfterMs}`,
    `n2 ${doubtAfterMs}`,
  ]);
});

test("HeartbeatWatch looks nothing up for a heartbeat that says what is known", () => {
  const harness = new Harness();
  const node = "n1" as NodeName;
  let looks = 0;
  const look = harness.state.node.bind(harness.state);
  harness.state.node = (name) => {
    looks += 1;
    return look(name);
  };
  const looksIn = (run: () => void): number => {
    looks = 0;
    run();
    return looks;
  };
  harness.hear("n1", 1_000);
  assert.equal(
    looksIn(() => harness.hear("n1", 2_000)),
    0,
  );
  assert.deepEqual(harness.silent(2_000 + doubtAfterMs - 1), []);
  const through = { boot: 1, sequence: 1 };
  harness.apply({ type: "factsAccepted", node, incarnation: "i1", through });
  harness.hear("n1", 3_000);
  assert.deepEqual(harness.watch.takeNeeds(), [{ node, incarnation: "i1" }]);
  harness.hear("n1", 4_000, "i1 1");
  assert.equal(
    looksIn(() => harness.hear("n1", 5_000, "i1 1")),
    0,
  );
  harness.apply({ type: "actionsPaused", reason: "all agents are to know" });
  harness.hear("n1", 6_000, "i1 1");
  assert.deepEqual(harness.watch.takeNeeds(), [{ node, incarnation: "i1" }]);
});

test("HeartbeatWatch names who is back while it hears it and the log does not say so", () => {
  const harness = new Harness();
  const node = "n1" as NodeName;
  harness.apply({ type: "nodeSuspected", node, silentMs: 1 });
  harness.hear("n1", 1_000);
  assert.deepEqual(harness.watch.back(1_100), [node]);
  assert.deepEqual(harness.watch.back(1_000 + doubtAfterMs), []);
  harness.hear("n1", 5_000);
  harness.apply({ type: "nodeReturned", node });
  assert.deepEqual(harness.watch.back(5_000), []);
});

test("HeartbeatWatch names a forgotten node that is heard, and one that believes too much", () => {
  const harness = new Harness();
  const node = "n1" as NodeName;
  harness.apply({ type: "nodeForgotten", node });
  harness.watch.remove(node);
  harness.hear("n1", 1_000);
  harness.hear("n9", 1_000, "i9 7");
  assert.deepEqual(harness.watch.back(1_000), [node]);
  assert.deepEqual(harness.watch.takeNeeds(), [{ node: "n9", incarnation: "i9" }]);
  assert.deepEqual(harness.watch.takeNeeds(), []);
});

test("HeartbeatWatch names an agent that stands still behind the log, not one that follows", () => {
  const harness = new Harness();
  const node = "n1" as NodeName;
  const through = { boot: 1, sequence: 9 };
  harness.apply({ type: "factsAccepted", node, incarnation: "i1", through });
  harness.hear("n1", 1_000, "i1 7");
  harness.hear("n1", 2_000, "i1 8");
  assert.deepEqual(harness.watch.takeNeeds(), []);
  harness.hear("n1", 3_000, "i1 8");
  assert.deepEqual(harness.watch.takeNeeds(), [{ node, incarnation: "i1" }]);
  harness.hear("n1", 4_000, "i1 9");
  harness.hear("n1", 5_000, "i1 9");
  assert.deepEqual(harness.watch.takeNeeds(), []);
});

test("HeartbeatWatch knows the servers of the bus by which nodes were just heard", () => {
  const harness = new Harness();
  harness.hear("n1", 1_000);
  assert.deepEqual(harness.watch.servers(1_000 + doubtAfterMs - 1), ["s1"]);
  assert.deepEqual(harness.watch.servers(1_000 + doubtAfterMs), []);
});

test("HeartbeatWatch drops the nodes of other shards by a few, and says nothing of them", () => {
  const harness = new Harness(5_000);
  for (let number = 0; number < 100; number += 1) harness.discover(`other-${number}`);
  for (let number = 1; number <= 5_000; number += 1) harness.hear(`n${number}`, 1_000);
  harness.watch.look(1_000 + doubtAfterMs);
  assert.equal(harness.watch.doubtedCount, 5_000);
  harness.watch.watch(new Set([1]), 4_000);
  assert.deepEqual(harness.silent(4_000), []);
  const counts = [harness.watch.watchedCount];
  for (let turn = 0; turn < 6; turn += 1) {
    harness.watch.goOn(4_000);
    counts.push(harness.watch.watchedCount);
  }
  const steps = counts.slice(1).map((count, at) => (counts[at] ?? 0) - count);
  assert.ok(Math.max(5_000 - (counts[0] ?? 0), ...steps) <= 2_000, counts.join());
  assert.equal(counts.at(-1), 100);
  harness.watch.watch(new Set([0]), 10_000);
  while (harness.watch.watchedCount < 5_000) harness.watch.goOn(10_000);
  // Gone, and back before all were dropped: each has its full time.
  harness.watch.watch(new Set([1]), 20_000);
  harness.watch.watch(new Set([0]), 30_000);
  while (harness.watch.watchedCount < 5_000) harness.watch.goOn(30_000);
  assert.deepEqual(harness.silent(30_000 + doubtAfterMs - 1), []);
});
