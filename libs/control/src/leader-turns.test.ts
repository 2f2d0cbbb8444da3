/** What one turn of the leader touches does not grow with the fleet. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { evolve, type NodeName } from "@atoll/domain";
import { sampleEvents } from "@atoll/domain/testing";
import { CONTROL_DEFAULTS } from "./settings.ts";
import { Harness } from "./testing/leader-harness.ts";

const NODES = 5_000;
/** A plan looks a node up a few times. */
const LOOKS_PER_TURN_MAX = CONTROL_DEFAULTS.plansPerBatchMax * 4;

/** A leader of a fleet, with what each call of it has looked up. */
function fleet(): { harness: Harness; turn: (run: () => void) => Set<string> } {
  const harness = new Harness();
  const { datacenter } = harness.state;
  for (let at = 0; at < NODES; at += 1) {
    const node = `n${10_000 + at}` as NodeName;
    const since = { index: at + 1, offset: 0, stampMs: 0 };
    evolve(datacenter, { ...sampleEvents.nodeDiscovered, node }, since, "");
  }
  let looks = 0;
  let seen = new Set<string>();
  const look = datacenter.node.bind(datacenter);
  datacenter.node = (name) => {
    looks += 1;
    seen.add(name);
    return look(name);
  };
  datacenter.nodes = () => {
    throw new Error("it walks over all nodes in one turn");
  };
  const turn = (run: () => void): Set<string> => {
    looks = 0;
    seen = new Set();
    run();
    assert.ok(looks <= LOOKS_PER_TURN_MAX, `${looks} looks in one turn`);
    return seen;
  };
  return { harness, turn };
}

function planAll({ harness, turn }: ReturnType<typeof fleet>): Set<string> {
  const planned = new Set<string>();
  for (let turns = 0; turns < NODES / CONTROL_DEFAULTS.plansPerBatchMax + 2; turns += 1) {
    for (const name of turn(() => harness.leader.run())) planned.add(name);
  }
  return planned;
}

test("Leader begins without a walk over all nodes, and has soon planned each", () => {
  const { harness, turn } = fleet();
  turn(() => harness.leader.lead(1));
  assert.equal(planAll({ harness, turn }).size, NODES);
});

test("Leader plans all nodes anew by a few in each turn, and as many as are due", () => {
  const { harness, turn } = fleet();
  harness.leader.lead(1);
  planAll({ harness, turn });
  const seen = new Set<string>();
  const tickMs = 100;
  for (let passedMs = 0; passedMs <= CONTROL_DEFAULTS.replanAllEveryMs; passedMs += tickMs) {
    harness.nowMs += tickMs;
    const names = turn(() => harness.leader.run());
    assert.ok(names.size <= 50, `${names.size} nodes in ${tickMs} ms`);
    for (const name of names) seen.add(name);
  }
  assert.equal(seen.size, NODES);
});
