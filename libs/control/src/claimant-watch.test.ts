import assert from "node:assert/strict";
import { test } from "node:test";
import { Datacenter, type DomainEvent, evolve, type NodeName } from "@atoll/domain";
import { Prng } from "@atoll/stdx";
import { judgeClaimants } from "./claimant-judge.ts";
import { DETECTION_DEFAULTS } from "./detection-settings.ts";
import { HeartbeatWatch } from "./heartbeat-watch.ts";
import type { Witness } from "./watch-group.ts";

const { claimantGoneMs, contestedPerReportMax } = DETECTION_DEFAULTS;
const N1 = "n1" as NodeName;

/** Heartbeats are texts: the incarnation, the instance, and what more it says, between points. */
class Harness {
  readonly state: Datacenter = new Datacenter();
  readonly watch: HeartbeatWatch = new HeartbeatWatch({
    settings: DETECTION_DEFAULTS,
    view: () => this.state,
    shardOf: () => 0,
    read: (_node, payload) => {
      const [incarnation = "", instance = "", ...more] = new TextDecoder()
        .decode(payload)
        .split(".");
      const process = { instance, host: "h", bootId: "b", pid: 1, address: "" };
      const committed = { boot: more.includes("new") ? 0 : 1, sequence: 1 };
      const said = { committed, maintenance: more.includes("still"), server: "s1" };
      return instance === "" ? { incarnation, ...said } : { incarnation, process, ...said };
    },
  });
  #index = 0;

  constructor(nodes = 1) {
    for (let number = 1; number <= nodes; number += 1) {
      const node = `n${number}` as NodeName;
      this.apply({ type: "nodeDiscovered", node, incarnation: "i1", labels: {} });
    }
    this.watch.watch(new Set([0]), 0);
  }

  apply(event: DomainEvent): void {
    this.#index += 1;
    evolve(this.state, event, { index: this.#index, offset: 0, stampMs: 1 }, "test");
    this.watch.applied(event);
  }

  hear(said: string, nowMs: number, node = "n1"): void {
    this.watch.hear(node, new TextEncoder().encode(said), nowMs);
  }

  /** What a leader that has only this watcher would decide. */
  claimants(nowMs: number, uninterruptedMs = claimantGoneMs): string[] {
    const commands = judgeClaimants([this.witness(nowMs, uninterruptedMs)], this.about());
    return commands.flatMap(({ claimants }) => claimants.map(({ process }) => process.instance));
  }

  about(): Parameters<typeof judgeClaimants>[1] {
    return { view: this.state, settings: DETECTION_DEFAULTS, shardOf: () => 0 };
  }

  witness(nowMs: number, uninterruptedMs = claimantGoneMs): Witness {
    return {
      replica: 1,
      uninterruptedMs: new Map([[0, uninterruptedMs]]),
      servers: [],
      silent: new Map(),
      clock: undefined,
      back: new Set(),
      contested: new Map(this.watch.contested(nowMs).map(({ node, heard }) => [node, heard])),
    };
  }

  /** The log calls n1 contested, by these. */
  contest(...instances: readonly string[]): void {
    const claimants = instances.map((instance) => ({
      incarnation: "i1",
      process: { instance, host: "h", bootId: "b", pid: 1, address: "" },
    }));
    this.apply({ type: "identityConflict", node: N1, claimants });
  }

  /** The conflict about n1 ended with this one. */
  end(incarnation: string, instance: string): void {
    const process = { instance, host: "h", bootId: "b", pid: 1, address: "" };
    const remaining = { incarnation, process };
    this.apply({ type: "identityConflictEnded", node: N1, remaining });
  }

  /** How many nodes are silent for too long. */
  doubted(nowMs: number): number {
    this.watch.look(nowMs);
    return this.watch.doubtedCount;
  }
}

test("two agents that are heard by turns are found within three of their heartbeats", () => {
  for (const [first, second] of [
    ["i1.a", "i1.b"],
    ["i1.a", "i2.b"],
    ["i1", "i2"],
  ] as const) {
    const harness = new Harness();
    harness.hear(first, 1_000);
    for (const atMs of [2_000, 3_000]) {
      harness.hear(first, atMs);
      harness.hear(second, atMs + 500);
      assert.deepEqual(harness.claimants(atMs + 500), [], `${first} at ${atMs}`);
    }
    harness.hear(first, 4_000);
    harness.hear(second, 4_500);
    const named = [first, second].map((said) => said.split(".").at(-1));
    assert.deepEqual(harness.claimants(4_500), named);
  }
});

test("restarts, ten in a minute, are no conflict, nor is a new installation", () => {
  const harness = new Harness();
  for (let nowMs = 0; nowMs < 60_000; nowMs += 1_000) {
    harness.hear(`i1.a${Math.floor(nowMs / 6_000)}`, nowMs);
    assert.deepEqual(harness.claimants(nowMs), []);
  }
  for (let nowMs = 60_000; nowMs < 80_000; nowMs += 1_000) {
    harness.hear("i2.z", nowMs);
    assert.deepEqual(harness.claimants(nowMs), []);
  }
  assert.equal(harness.watch.contested(80_000).length, 0);
});

test("what of a dead agent was held up and comes in one burst is no conflict", () => {
  const prng = new Prng(7);
  for (let round = 0; round < 200; round += 1) {
    const harness = new Harness();
    const beats: [number, string][] = [[0, "i1.a"]];
    for (let count = 1; count <= 8; count += 1) beats.push([count * 1_000, "i1.b"]);
    const burstAtMs = prng.between(1_000, 8_000);
    for (let count = 0; count < 6; count += 1) {
      beats.push([burstAtMs + prng.between(0, 100), "i1.a"]);
    }
    for (const [atMs, said] of beats.toSorted(([left], [right]) => left - right)) {
      harness.hear(said, atMs);
      assert.deepEqual(harness.claimants(atMs), [], `round ${round}`);
    }
  }
});

test("a conflict ends with the one that all who listened hear alone for long enough", () => {
  const harness = new Harness();
  harness.contest("a", "b");
  harness.hear("i1.a", 1_000);
  harness.hear("i2.b", 1_500);
  for (let nowMs = 2_500; nowMs < 1_000 + claimantGoneMs; nowMs += 1_000) {
    harness.hear("i2.b", nowMs);
    assert.deepEqual(harness.claimants(nowMs), []);
  }
  const nowMs = 1_000 + claimantGoneMs;
  assert.deepEqual(harness.claimants(nowMs), ["b"]);
  assert.deepEqual(harness.claimants(nowMs, claimantGoneMs - 1), [], "it has not listened enough");
  const other = new Harness();
  other.contest("a", "b");
  const witnesses = (said: string): Witness[] => {
    if (said !== "") other.hear(said, nowMs);
    return [harness.witness(nowMs), other.witness(nowMs)];
  };
  assert.deepEqual(judgeClaimants(witnesses(""), harness.about()), [], "another hears nobody");
  assert.equal(judgeClaimants(witnesses("i2.b"), harness.about()).length, 1);
  assert.deepEqual(judgeClaimants(witnesses("i1.a"), harness.about()), [], "another hears both");
});

test("a conflict in which nobody is heard any more goes on", () => {
  const harness = new Harness();
  harness.contest("a", "b");
  harness.hear("i1.a", 1_000);
  assert.deepEqual(harness.claimants(1_000 + claimantGoneMs), []);
});

test("in a conflict whoever speaks counts as heard, and hears what the log says", () => {
  const harness = new Harness();
  harness.hear("i1.a", 1_000);
  harness.hear("i2.b", 2_000);
  harness.watch.look(1_000 + DETECTION_DEFAULTS.doubtAfterMs);
  assert.equal(harness.watch.doubtedCount, 1);
  assert.deepEqual(harness.watch.takeNeeds(), [{ node: N1, incarnation: "i2" }]);
  harness.contest("a", "b");
  harness.hear("i2.b", 3_000);
  assert.equal(harness.watch.doubtedCount, 0);
  harness.hear("i1.a", 3_500);
  assert.deepEqual(harness.watch.takeNeeds(), [{ node: N1, incarnation: "i1" }]);
});

test("the one that a conflict ended with is the node before the log has its facts", () => {
  const { doubtAfterMs } = DETECTION_DEFAULTS;
  const harness = new Harness();
  harness.contest("a", "b");
  harness.end("i2", "b");
  harness.hear("i2.b", 1_000);
  assert.equal(harness.doubted(doubtAfterMs), 0);
  harness.hear("i1.a", 2_000);
  harness.hear("i2.b", 2_000);
  assert.equal(harness.doubted(2_000 + doubtAfterMs), 1, "it is silent");
  harness.hear("i3.c", 4_000);
  assert.equal(harness.doubted(4_000), 1, "it is another");
  harness.hear("i2.b", 4_000);
  // Another still: the word of the conflict's end does not count any more.
  harness.apply({ type: "nodeWiped", node: N1, incarnation: "i3", lost: 0 });
  harness.hear("i2.b", 5_000);
  assert.equal(harness.doubted(4_000 + doubtAfterMs), 1);
});

test("the end of a conflict is known also of nodes that others watch", () => {
  const { doubtAfterMs } = DETECTION_DEFAULTS;
  const harness = new Harness();
  const watched = (shards: ReadonlySet<number>): void => harness.watch.watch(shards, 1_000);
  watched(new Set());
  harness.contest("a", "b");
  harness.end("i2", "b");
  watched(new Set([0]));
  harness.hear("i2.b", 2_000);
  assert.equal(harness.doubted(1_000 + doubtAfterMs), 0);
  harness.apply({ type: "nodeForgotten", node: N1 });
  harness.watch.remove(N1);
  harness.apply({ type: "nodeDiscovered", node: N1, incarnation: "i1", labels: {} });
  watched(new Set());
  watched(new Set([0]));
  harness.hear("i2.b", 3_000);
  assert.equal(harness.doubted(1_000 + doubtAfterMs), 1);
});

test("one that keeps still, and whom nobody contests, is told so until the log holds it", () => {
  const harness = new Harness();
  harness.hear("i2.b.new", 1_000);
  assert.deepEqual(harness.watch.takeNeeds(), [], "its first facts are on their way");
  harness.contest("a", "b");
  harness.hear("i2.b.new", 2_000);
  assert.deepEqual(harness.watch.takeNeeds(), [{ node: N1, incarnation: "i2" }]);
  harness.hear("i2.b.new.still", 3_000);
  assert.deepEqual(harness.watch.takeNeeds(), []);
  harness.end("i2", "b");
  for (const atMs of [4_000, 5_000]) {
    harness.hear("i2.b.new.still", atMs);
    assert.deepEqual(harness.watch.takeNeeds(), [{ node: N1, incarnation: "i2" }]);
  }
});

test("a report holds no more names than it may, and nothing is remembered for ever", () => {
  const harness = new Harness(contestedPerReportMax + 5);
  for (let number = 1; number <= contestedPerReportMax + 5; number += 1) {
    for (const said of ["i1.a", "i1.b"]) harness.hear(said, 1_000, `n${number}`);
  }
  assert.equal(harness.watch.contested(1_000).length, contestedPerReportMax);
  assert.equal(harness.watch.contested(1_000 + claimantGoneMs).length, 0);
});
