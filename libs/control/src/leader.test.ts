/**
 * What a leader does with commands, facts, plans and findings, one turn of its loop at a time.
 */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { differenceOf, type Fact } from "@atoll/domain";
import { bareInventory } from "@atoll/domain/testing";
import { knowsDirective } from "./directive.ts";
import { CONTROL_DEFAULTS } from "./settings.ts";
import { APP, Harness, N1 } from "./testing/leader-harness.ts";

describe("Leader", () => {
  let harness: Harness;
  beforeEach(() => {
    harness = new Harness();
    harness.leader.lead(3);
  });

  test("answers nobody before the commit", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.leader.run();
    assert.equal(harness.proposals.length, 1);
    assert.deepEqual(harness.outcomes, []);
    harness.commit(harness.proposals.shift()!);
    assert.deepEqual(harness.outcomes, [{ type: "accepted", index: 1, operation: "op-1" }]);
  });

  test("decides the second command of a batch upon the first", () => {
    harness.appear();
    harness.submit({ type: "startMaintenance", node: N1, reason: "disk" }, "r1");
    harness.submit({ type: "endMaintenance", node: N1 }, "r2");
    harness.settle();
    assert.deepEqual(
      harness.outcomes.map(({ type }) => type),
      ["accepted", "accepted"],
    );
    assert.equal(harness.state.datacenter.node(N1)?.maintenance, undefined);
  });

  test("a refusal is answered only after a quorum confirmed, and is not logged", () => {
    harness.submit({ type: "endMaintenance", node: N1 }, "r1");
    harness.leader.run();
    assert.equal(harness.proposals.length, 0);
    assert.deepEqual(harness.outcomes, []);
    harness.confirmations[0]?.(true);
    assert.deepEqual(
      harness.outcomes.map(({ type }) => type),
      ["rejected"],
    );
  });

  test("a refusal by a leader that is none any more is not given", () => {
    harness.submit({ type: "endMaintenance", node: N1 }, "r1");
    harness.leader.run();
    harness.confirmations[0]?.(false);
    assert.deepEqual(harness.outcomes, [{ type: "notLeader" }]);
  });

  test("validateOnly answers and changes nothing", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1", true);
    harness.settle();
    assert.deepEqual(harness.outcomes, [{ type: "accepted", index: 0, operation: "" }]);
    assert.equal(harness.state.appliedIndex, 0);
  });

  test("an outcome that nobody knows is told as such", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.leader.run();
    harness.proposals.shift()?.done({ type: "unknown" });
    assert.deepEqual(harness.outcomes, [{ type: "unknown" }]);
  });

  test("a node that appears gets its role, after the commit, and its watermark", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.settle();
    harness.appear();
    assert.deepEqual(
      harness.orders.map(({ action, term }) => ({ action, term })),
      [{ action: "n1-1", term: 3 }],
    );
    assert.deepEqual(harness.directives[0]?.directive.committed, { boot: 1, sequence: 1 });
  });

  test("facts that were taken in are not taken in again, and their sender is told so", () => {
    harness.appear();
    const before = harness.state.appliedIndex;
    harness.directives.length = 0;
    harness.appear();
    assert.equal(harness.state.appliedIndex, before);
    assert.equal(harness.directives.length, 1);
  });

  test("a gap in an agent's facts changes nothing", () => {
    harness.appear();
    const forgotten: Fact = { type: "fileForgotten", observedAtMs: 0, path: "/x" };
    harness.offer(2, harness.facts(3, [forgotten]));
    harness.settle();
    assert.deepEqual(harness.state.datacenter.node(N1)?.watermark, { boot: 1, sequence: 1 });
  });

  test("a message that was not understood moves on", () => {
    harness.offer(7, undefined);
    harness.settle();
    assert.equal(harness.state.datacenter.stream?.sequence, 7);
  });

  test("an order without an answer is sent again, an accepted one is not", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.settle();
    harness.appear();
    harness.orders[0]?.done({ type: "silent" });
    harness.nowMs += CONTROL_DEFAULTS.resendOrderEveryMs;
    harness.settle();
    assert.equal(harness.orders.length, 2);
    harness.orders[1]?.done({ type: "accepted" });
    harness.nowMs += CONTROL_DEFAULTS.resendOrderEveryMs;
    harness.settle();
    assert.equal(harness.orders.length, 2);
  });

  test("an agent that does not know of a pause is told to keep still", () => {
    harness.appear();
    harness.submit({ type: "pauseActions", reason: "switch" }, "r1");
    harness.settle();
    harness.directives.length = 0;
    const { incarnation, watermark } = harness.state.datacenter.node(N1)!;
    const beat = { incarnation, committed: watermark, maintenance: false, server: "" };
    const view = harness.state.datacenter;
    assert.equal(knowsDirective(view, view.node(N1)!, beat), false);
    assert.equal(knowsDirective(view, view.node(N1)!, { ...beat, maintenance: true }), true);
    harness.needs.push({ node: N1, incarnation });
    harness.settle();
    assert.deepEqual(
      harness.directives.map(({ directive }) => directive.maintenance),
      [true],
    );
  });

  test("what a user takes back is withdrawn at once, and cancelled by the agent's word", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.settle();
    harness.appear();
    harness.submit({ type: "cancelAction", action: "n1-1" as never, reason: "no" }, "r2");
    harness.leader.run();
    harness.commit(harness.proposals.shift()!);
    assert.equal(harness.withdrawals.length, 1);
    harness.withdrawals[0]?.done({ type: "withdrawn" });
    harness.settle();
    assert.equal(harness.state.datacenter.action("n1-1" as never)?.status, "cancelled");
    assert.equal(harness.orders.length, 1);
  });

  test("a refused order fails its action", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.settle();
    harness.appear();
    harness.orders[0]?.done({ type: "refused", reason: "it only looks" });
    harness.settle();
    const action = harness.state.datacenter.action("n1-1" as never);
    assert.deepEqual([action?.status, action?.reason], ["failed", "it only looks"]);
  });

  test("resigning answers who waits, and a new leader begins with the open actions", () => {
    harness.submit({ type: "applyRoles", roles: [APP] }, "r1");
    harness.settle();
    harness.appear();
    harness.submit({ type: "endMaintenance", node: N1 }, "r2");
    harness.leader.resign();
    assert.equal(harness.outcomes.at(-1)?.type, "notLeader");
    harness.leader.lead(4);
    harness.nowMs += 10_000;
    harness.leader.run();
    assert.deepEqual(
      harness.orders.map(({ term }) => term),
      [3, 4],
    );
  });

  test("an agent whose facts the log never held is told so", () => {
    harness.needs.push({ node: N1, incarnation: "i7" });
    harness.leader.run();
    assert.deepEqual(harness.directives, [
      {
        node: N1,
        directive: {
          term: 3,
          incarnation: "i7",
          committed: { boot: 0, sequence: 0 },
          maintenance: false,
        },
      },
    ]);
  });

  test("what the watch finds is decided and logged: lost, forgotten, back", () => {
    const report = (presence: "alive" | "lost"): void => {
      harness.found.push({ type: "reportPresence", node: N1, presence, silentMs: 2_500 });
      harness.settle();
    };
    harness.appear();
    report("lost");
    assert.equal(harness.state.datacenter.node(N1)?.presence, "lost");
    harness.submit({ type: "forgetNode", node: N1 }, "r1");
    harness.settle();
    assert.equal(harness.state.datacenter.node(N1), undefined);
    report("alive");
    assert.equal(harness.state.datacenter.node(N1)?.presence, "alive");
  });

  test("an agent is asked for its whole inventory until the log holds it", () => {
    harness.appear();
    const { base, changed } = differenceOf(bareInventory, bareInventory);
    harness.offer(
      2,
      harness.facts(2, [{ type: "inventoryDiffered", observedAtMs: 1, base, changed }]),
    );
    harness.settle();
    const beat = (): unknown => {
      harness.directives.length = 0;
      harness.needs.push({ node: N1, incarnation: "i1" });
      harness.settle();
      return harness.directives.map(({ directive }) => directive.inventoryWanted);
    };
    assert.deepEqual([beat(), beat()], [[true], [true]]);
    harness.offer(
      3,
      harness.facts(3, [{ type: "inventoryObserved", observedAtMs: 1, inventory: bareInventory }]),
    );
    harness.settle();
    assert.deepEqual(beat(), [undefined]);
  });

  test("an agent that does not know what is committed is told, once per finding", () => {
    harness.appear();
    harness.directives.length = 0;
    harness.settle();
    assert.equal(harness.directives.length, 0);
    harness.needs.push({ node: N1, incarnation: "i1" });
    harness.settle();
    assert.deepEqual(
      harness.directives.map(({ directive }) => directive.committed),
      [{ boot: 1, sequence: 1 }],
    );
  });

  test("the watch knows who leads", () => {
    assert.equal(harness.watching, true);
    harness.leader.resign();
    assert.equal(harness.watching, false);
  });
});
