import assert from "node:assert/strict";
import { test } from "node:test";
import type { UserCommand } from "./command.ts";
import type { NodeName, OperationId, RoleName } from "./names.ts";
import { OPERATIONS_RUNNING_MAX } from "./state.ts";
import {
  emptyRole,
  given,
  n1,
  n2,
  outcomeOf,
  sampleEvents,
  sampleRole,
  web,
} from "./testing/index.ts";

const { nodeDiscovered, roleApplied, roleAssigned, actionPlanned, maintenanceStarted } =
  sampleEvents;
const assign: UserCommand = { type: "assignRole", node: n1, role: web };
const op1 = "op-1" as OperationId;

test("assignRole assigns and starts an operation", () => {
  assert.deepEqual(given(nodeDiscovered, roleApplied).when(assign), {
    type: "decided",
    operation: op1,
    events: [
      roleAssigned,
      {
        type: "operationStarted",
        operation: op1,
        kind: "assignRole",
        description: "assign role web to node n1",
        nodes: [n1],
      },
    ],
  });
});

test("assignRole of an assigned role changes nothing", () => {
  const decision = given(nodeDiscovered, roleApplied, roleAssigned).when(assign);
  assert.deepEqual(decision, { type: "decided", events: [], operation: "" });
});

test("commands say the nearest right name, and the rule for what is no name", () => {
  const state = given({ ...nodeDiscovered, node: "storage-1" as NodeName }, roleApplied);
  const unknownNode = state.when({ ...assign, node: "storage-11" as NodeName });
  assert.equal(
    outcomeOf(unknownNode),
    'notFound: there is no node "storage-11"; did you mean storage-1?',
  );
  const unknownRole = state.when({
    ...assign,
    node: "storage-1" as NodeName,
    role: "wbe" as RoleName,
  });
  assert.equal(outcomeOf(unknownRole), 'notFound: there is no role "wbe"; did you mean web?');
  for (const name of ["a/b", "*", ">", "a.b", "", "x".repeat(10_000), "a\u0007"]) {
    const decision = state.when({ type: "endMaintenance", node: name as NodeName });
    assert.match(
      outcomeOf(decision) as string,
      /^invalidArgument: node ".*" is not a name: allowed are/s,
    );
    assert.ok((outcomeOf(decision) as string).length < 400);
  }
});

test("unassignRole takes an assigned role away, and refuses one that is there by rule", () => {
  const unassign: UserCommand = { ...assign, type: "unassignRole" };
  const assigned = given(nodeDiscovered, roleApplied, roleAssigned).when(unassign);
  assert.deepEqual(assigned.type === "decided" && assigned.events[0], sampleEvents.roleUnassigned);
  const bare = { type: "roleApplied", role: emptyRole("web") } as const;
  assert.deepEqual(outcomeOf(given(nodeDiscovered, bare).when(unassign)), []);
  const byRule = {
    ...bare,
    role: { ...bare.role, match: { labels: { use: "web" }, location: {}, hardware: {} } },
  };
  const refused = outcomeOf(given(nodeDiscovered, byRule).when(unassign));
  assert.match(refused as string, /^failedPrecondition: node n1 has role web by the role's rule/);
});

test("updateNode changes labels and location, each only when given", () => {
  const decision = given(nodeDiscovered).when({
    type: "updateNode",
    node: n1,
    location: { rack: "r2" },
    revision: 0,
  });
  assert.deepEqual(decision.type === "decided" && decision.events, [
    { type: "nodeUpdated", node: n1, labels: nodeDiscovered.labels, location: { rack: "r2" } },
    {
      type: "operationStarted",
      operation: op1,
      kind: "updateNode",
      description: "update location of node n1",
      nodes: [n1],
    },
  ]);
});

test("updateNode refuses another revision than was seen", () => {
  const update: UserCommand = { type: "updateNode", node: n1, labels: {}, revision: 7 };
  const refused = outcomeOf(given(nodeDiscovered).when(update));
  assert.equal(refused, "aborted: node n1 is at revision 1, not 7: read it again");
  const right = given(nodeDiscovered).when({ ...update, revision: 1 });
  assert.equal(right.type, "decided");
});

test("updateNode names every label and place that is not allowed", () => {
  const labels = { "a/b": "x", ok: "fine", long: "x".repeat(129), bell: "a\u0007" };
  const decision = given(nodeDiscovered).when({
    type: "updateNode",
    node: n1,
    labels,
    location: { room: "a\nb" },
    revision: 0,
  });
  assert.equal(decision.type, "rejected");
  assert.deepEqual(decision.type === "rejected" && decision.violations.map(({ path }) => path), [
    'labels["a/b"]',
    "labels.long",
    "labels.bell",
    "location.room",
  ]);
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`l${at}`, ""]));
  const refused = given(nodeDiscovered).when({
    type: "updateNode",
    node: n1,
    labels: many,
    revision: 0,
  });
  assert.match(
    outcomeOf(refused) as string,
    /^invalidArgument: 65 labels are too many: at most 64/,
  );
});

test("updateNode without a change changes nothing", () => {
  const labels = { use: "web", port: "8101" };
  const decision = given(nodeDiscovered).when({
    type: "updateNode",
    node: n1,
    labels,
    revision: 0,
  });
  assert.deepEqual(outcomeOf(decision), []);
});

test("startMaintenance ends what is under way, with the reason", () => {
  const decision = given(nodeDiscovered, actionPlanned).when({
    type: "startMaintenance",
    node: n1,
    reason: " new disk ",
  });
  assert.deepEqual(decision, {
    type: "decided",
    operation: "",
    events: [sampleEvents.actionCancelled, maintenanceStarted],
  });
});

test("startMaintenance needs a reason of 1 to 500 printable characters", () => {
  for (const reason of ["", "  ", "x".repeat(501), "a\nb"]) {
    const decision = given(nodeDiscovered).when({ type: "startMaintenance", node: n1, reason });
    assert.match(
      outcomeOf(decision) as string,
      /^invalidArgument: maintenance needs a reason of 1 to 500/,
    );
  }
});

test("startMaintenance in maintenance replaces the reason, or changes nothing", () => {
  const state = given(nodeDiscovered, maintenanceStarted);
  assert.deepEqual(
    outcomeOf(state.when({ type: "startMaintenance", node: n1, reason: "new disk" })),
    [],
  );
  assert.deepEqual(outcomeOf(state.when({ type: "startMaintenance", node: n1, reason: "fan" })), [
    { type: "maintenanceStarted", node: n1, reason: "fan" },
  ]);
});

test("endMaintenance is refused outside of maintenance", () => {
  const refused = given(nodeDiscovered).when({ type: "endMaintenance", node: n1 });
  assert.equal(outcomeOf(refused), "failedPrecondition: node n1 is not in maintenance");
  const ended = given(nodeDiscovered, maintenanceStarted).when({
    type: "endMaintenance",
    node: n1,
  });
  assert.deepEqual(ended.type === "decided" && ended.events[0], sampleEvents.maintenanceEnded);
});

test("forgetNode takes lost nodes only, and says so", () => {
  const forget: UserCommand = { type: "forgetNode", node: n1 };
  const refused = outcomeOf(given(nodeDiscovered).when(forget));
  assert.equal(
    refused,
    "failedPrecondition: node n1 is alive; only a lost node can be forgotten, stop its agent first",
  );
  const lost = given(nodeDiscovered, actionPlanned, sampleEvents.nodeLost).when(forget);
  assert.deepEqual(outcomeOf(lost), [
    { ...sampleEvents.actionCancelled, reason: "the node was forgotten" },
    sampleEvents.nodeForgotten,
  ]);
});

test("applyRoles records changed roles, and waits for nodes that had or will have one", () => {
  const state = given(nodeDiscovered, { ...nodeDiscovered, node: n2, labels: {} }, roleApplied, {
    ...roleAssigned,
    node: n2,
  });
  const decision = state.when({ type: "applyRoles", roles: [sampleRole, emptyRole("bare")] });
  assert.deepEqual(outcomeOf(decision), [
    { type: "roleApplied", role: emptyRole("bare") },
    {
      type: "operationStarted",
      operation: op1,
      kind: "applyRoles",
      description: "apply role bare",
      nodes: [],
    },
  ]);
  // n1 has it by the rule that goes away, n2 by assignment.
  const { match: _match, ...assignedOnly } = { ...sampleRole, match: undefined };
  const byLabel = { ...sampleRole, match: { labels: { use: "web" }, location: {}, hardware: {} } };
  const ruled = given(
    nodeDiscovered,
    { ...nodeDiscovered, node: n2, labels: {} },
    { type: "roleApplied", role: byLabel },
    {
      ...roleAssigned,
      node: n2,
    },
  ).when({ type: "applyRoles", roles: [assignedOnly] });
  assert.deepEqual(
    ruled.type === "decided" && "nodes" in (ruled.events[1] ?? {}) && ruled.events[1],
    {
      type: "operationStarted",
      operation: op1,
      kind: "applyRoles",
      description: "apply role web",
      nodes: [n1, n2],
    },
  );
});

test("applyRoles of what is there changes nothing; of one wrong role it applies none", () => {
  assert.deepEqual(
    outcomeOf(given(roleApplied).when({ type: "applyRoles", roles: [sampleRole] })),
    [],
  );
  assert.match(
    outcomeOf(given().when({ type: "applyRoles", roles: [] })) as string,
    /^invalidArgument: no role/,
  );
  const wrong = { ...emptyRole("bad"), drift: "no" as never };
  const refused = given().when({ type: "applyRoles", roles: [sampleRole, wrong] });
  assert.equal(
    outcomeOf(refused),
    "invalidArgument: role bad, drift: " +
      'drift is "no": allowed are restore and report; nothing was applied',
  );
});

test("deleteRole takes the role from its nodes first", () => {
  const state = given(nodeDiscovered, roleApplied, roleAssigned);
  assert.deepEqual(outcomeOf(state.when({ type: "deleteRole", role: web })), [
    sampleEvents.roleUnassigned,
    sampleEvents.roleDeleted,
    {
      type: "operationStarted",
      operation: op1,
      kind: "deleteRole",
      description: "delete role web",
      nodes: [n1],
    },
  ]);
  assert.match(outcomeOf(given().when({ type: "deleteRole", role: web })) as string, /^notFound/);
});

test("cancelOperation ends a running operation, refuses an ended and an unknown one", () => {
  const { operationStarted, operationSucceeded } = sampleEvents;
  const cancel: UserCommand = { type: "cancelOperation", operation: op1 };
  assert.deepEqual(outcomeOf(given(operationStarted).when(cancel, { actor: "ann" })), [
    sampleEvents.operationCancelled,
  ]);
  assert.equal(
    outcomeOf(given(operationStarted, operationSucceeded).when(cancel)),
    "failedPrecondition: operation op-1 has ended: it succeeded",
  );
  assert.match(
    outcomeOf(given().when(cancel)) as string,
    /^notFound: there is no operation "op-1"/,
  );
});

test("a command that would start one operation too many is refused", () => {
  const { operationStarted } = sampleEvents;
  const state = given(nodeDiscovered, roleApplied);
  for (let number = 1; number <= OPERATIONS_RUNNING_MAX; number += 1) {
    state.given({ ...operationStarted, operation: `op-${number}` as OperationId });
  }
  assert.match(
    outcomeOf(state.when(assign)) as string,
    /^resourceExhausted: 10000 operations are running/,
  );
});

test("a request id makes a repetition harmless, whatever happened since", () => {
  const state = given(nodeDiscovered, roleApplied);
  const first = state.carryOut(assign, { requestId: "r-1" });
  assert.equal(first.type === "decided" && first.events.at(-1)?.type, "requestRecorded");
  state.carryOut({ ...assign, type: "unassignRole" });
  const again = state.when({ ...assign }, { requestId: "r-1" });
  assert.deepEqual(again, { type: "decided", events: [], operation: op1 });
});

test("a request id is remembered for a command that changed nothing, too", () => {
  const state = given(nodeDiscovered, roleApplied, roleAssigned);
  const nothing = state.carryOut(assign, { requestId: "r-1" });
  assert.deepEqual(nothing.type === "decided" && nothing.events.map((event) => event.type), [
    "requestRecorded",
  ]);
  state.carryOut({ ...assign, type: "unassignRole" });
  assert.deepEqual(outcomeOf(state.when(assign, { requestId: "r-1" })), []);
});

test("a request id is refused for another command, and when it is none", () => {
  const state = given(nodeDiscovered, roleApplied);
  state.carryOut(assign, { requestId: "r-1" });
  const other = state.when({ type: "endMaintenance", node: n1 }, { requestId: "r-1" });
  assert.equal(outcomeOf(other), "alreadyExists: request id r-1 was used for another command");
  for (const requestId of ["a b", "x".repeat(129), "é"]) {
    assert.match(
      outcomeOf(state.when(assign, { requestId })) as string,
      /^invalidArgument: request id/,
    );
  }
});

test("a rejected command leaves its request id free", () => {
  const state = given(nodeDiscovered);
  assert.match(outcomeOf(state.carryOut(assign, { requestId: "r-1" })) as string, /^notFound/);
  state.given(roleApplied);
  assert.equal(state.when(assign, { requestId: "r-1" }).type, "decided");
});
