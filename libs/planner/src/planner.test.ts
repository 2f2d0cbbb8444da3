/**
 * What the stories do not show: bounds, numbers, texts, and what the linter finds.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeName, OperationId, PlannerDecision, RoleName } from "@atoll/domain";
import { affectedNodes } from "./affected-nodes.ts";
import { backoffMs } from "./backoff.ts";
import { ACTIONS_OPEN_PER_NODE_MAX, REPORT_WAIT_MS } from "./bounds.ts";
import { lintPlan } from "./plan-linter.ts";
import { Planner } from "./planner.ts";
import { Lab, LAB_DATACENTER } from "./testing/lab.ts";
import { parseRole } from "./testing/story-role.ts";

const N1 = "n1" as NodeName;
const N2 = "n2" as NodeName;

type Planned = Extract<PlannerDecision, { type: "plan" }>;

function lab(...role: readonly string[]): { readonly lab: Lab; readonly planner: Planner } {
  const made = new Lab();
  made.boot(N1, { tier: "web" });
  if (role.length > 0) {
    made.decide({ type: "applyRoles", roles: [parseRole("web", ["match tier=web", ...role])] });
  }
  const planner = new Planner({ view: made.datacenter, datacenter: LAB_DATACENTER });
  return { lab: made, planner };
}

function orders(planner: Planner, nowMs: number): readonly Planned[] {
  return planner.planNode(N1, nowMs).decisions.filter((decision) => decision.type === "plan");
}

test("backoffMs tries at once, then waits 1 s, doubling to a minute", () => {
  const waits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1_000_000].map(backoffMs);
  const second = 1_000;
  const doubling = [1, 2, 4, 8, 16, 32].map((times) => times * second);
  assert.deepEqual(waits, [0, 0, ...doubling, 60 * second, 60 * second, 60 * second]);
});

test("affectedNodes names the node of an event, all for roles, none for what no plan reads", () => {
  assert.deepEqual(affectedNodes({ type: "nodeReturned", node: N1 }), { type: "node", node: N1 });
  const role = "web" as RoleName;
  assert.deepEqual(affectedNodes({ type: "roleDeleted", role }), { type: "all" });
  const operation = "op-1" as OperationId;
  assert.deepEqual(affectedNodes({ type: "operationSucceeded", operation }), { type: "none" });
});

test("Planner tells what an agent lost, and plans nothing by it", () => {
  const { lab: made, planner } = lab();
  const dropped = { type: "factsDropped", lane: "state", sinceMs: 0 } as const;
  made.report(N1, [
    { ...dropped, count: 2 },
    { ...dropped, count: 3 },
  ]);
  const [first] = planner.explainNode(N1, made.nowMs)?.observed ?? [];
  assert.equal(first?.text, "its agent lost 5 changes of state for want of room");
  assert.deepEqual(affectedNodes({ ...dropped, node: N1, count: 2 }), { type: "none" });
});

test("Planner orders at most so many actions at a time, and the rest later", () => {
  const files = Array.from({ length: 40 }, (_, at) => `file /etc/f${at} x`);
  const { lab: made, planner } = lab(...files);
  const first = orders(planner, 0);
  assert.equal(first.length, ACTIONS_OPEN_PER_NODE_MAX);
  made.carryOut(first);
  assert.equal(orders(planner, 0).length, 0);
  made.execute(N1);
  assert.equal(orders(planner, 0).length, 40 - ACTIONS_OPEN_PER_NODE_MAX);
});

test("Planner waits for the report of an order that succeeded, but not for ever", () => {
  const { lab: made, planner } = lab("service app");
  const [order] = orders(planner, 0);
  assert.ok(order !== undefined);
  made.carryOut([order]);
  const [action = ""] = made.datacenter.node(N1)?.open.values() ?? [];
  const outcome = "succeeded" as const;
  const done = { type: "actionFinished" as const, outcome, reason: "", durationMs: 1 };
  made.report(N1, [{ ...done, action: action as Parameters<Lab["datacenter"]["action"]>[0] }]);
  const waiting = planner.planNode(N1, 0);
  assert.deepEqual([waiting.decisions, waiting.wakeAtMs], [[], REPORT_WAIT_MS]);
  assert.equal(orders(planner, REPORT_WAIT_MS).length, 1);
});

test("Planner gives a stop the service's own time, also when the role is gone", () => {
  const { lab: made, planner } = lab("service app stopTimeoutMs=77000");
  const [start] = orders(planner, 0);
  made.carryOut(start === undefined ? [] : [start]);
  made.execute(N1);
  made.decide({ type: "updateNode", node: N1, labels: {}, revision: 0 });
  assert.equal(orders(planner, 0)[0]?.timeoutMs, 87_000);
  made.decide({ type: "deleteRole", role: "web" as RoleName });
  assert.deepEqual([start?.timeoutMs, orders(planner, 0)[0]?.timeoutMs], [107_000, 87_000]);
});

test("Planner gives digests that depend on what is rendered and on nothing else", () => {
  const digests = ["x", "x", "y"].map((text) => {
    const { planner } = lab("service app restartOn=/f", `file /f ${text}`);
    const [order] = orders(planner, 0);
    return order?.order.type === "writeFile" ? order.order.file.digest : "";
  });
  assert.equal(digests[0], digests[1]);
  assert.notEqual(digests[0], digests[2]);
});

test("Planner renders each node with its own facts", () => {
  const { lab: made, planner } = lab("service app args={{node.name}}");
  made.boot(N2, { tier: "web" });
  const commands = [N1, N2].map((node) => {
    const [decision] = planner.planNode(node, 0).decisions;
    return decision?.type === "plan" && "service" in decision.order
      ? decision.order.service.command
      : [];
  });
  assert.deepEqual(commands, [
    ["/bin/run", "app", "n1"],
    ["/bin/run", "app", "n2"],
  ]);
});

test("Planner.planOperations completes what all nodes agree on, gone nodes included", () => {
  const { lab: made, planner } = lab("service app");
  made.boot(N2, { tier: "web" });
  made.decide({ type: "assignRole", node: N1, role: "web" as RoleName });
  made.decide({ type: "assignRole", node: N2, role: "web" as RoleName });
  const none = planner.planOperations(() => false);
  const onlyFirst = planner.planOperations((node) => node === N1);
  made.decide({ type: "reportPresence", node: N2, presence: "lost", silentMs: 9_000 });
  made.decide({ type: "forgetNode", node: N2 });
  const afterForgetting = planner.planOperations(() => false);
  assert.deepEqual(
    [none, onlyFirst, afterForgetting].map((decisions) => {
      return decisions.map((made) => made.type === "completeOperation" && made.operation);
    }),
    [[], ["op-1", "op-2"], ["op-3"]],
  );
});

test("lintPlan finds an early start, a double, and an order in maintenance", () => {
  const { lab: made, planner } = lab("service db", "service app after=db");
  const plan = planner.planNode(N1, 0);
  const [start] = plan.decisions;
  assert.ok(start?.type === "plan" && start.order.type === "startService");
  assert.deepEqual(lintPlan(made.datacenter, plan, 0), []);
  const service = { ...start.order.service, key: "web/app" as typeof start.order.service.key };
  const early: PlannerDecision = {
    ...start,
    target: "service:web/app" as typeof start.target,
    order: { type: "startService", service },
  };
  const bad = { ...plan, decisions: [start, start, early] };
  const found = lintPlan(made.datacenter, bad, 0);
  made.decide({ type: "startMaintenance", node: N1, reason: "disks" });
  const held = lintPlan(made.datacenter, plan, 0);
  assert.deepEqual(
    [found, held],
    [
      ["two decisions for service:web/db", "web/app is started while web/db is absent or open"],
      ["orders for a node in maintenance"],
    ],
  );
});

test("lintPlan finds a try before its time and a wish that no role has", () => {
  const { lab: made, planner } = lab("file /f x");
  const { agents } = made;
  agents.get(N1)?.behaviours.set("file:/f", { type: "fail", reason: "full" });
  const plan = planner.planNode(N1, 0);
  for (let round = 0; round < 2; round += 1) {
    made.carryOut(planner.planNode(N1, 0).decisions);
    made.execute(N1);
  }
  assert.deepEqual(lintPlan(made.datacenter, plan, 999), ["file:/f is tried again too early"]);
  assert.deepEqual(lintPlan(made.datacenter, plan, 1_000), []);
  made.decide({ type: "updateNode", node: N1, labels: {}, revision: 0 });
  assert.deepEqual(lintPlan(made.datacenter, plan, 1_000), ["file:/f is written without a role"]);
});
