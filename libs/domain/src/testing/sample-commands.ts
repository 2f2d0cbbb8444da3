/**
 * One command of every type, for tests of everything that handles all of them.
 */
import type { Command } from "../command.ts";
import type { ActionId } from "../names.ts";
import type { ByType } from "./samples.ts";
import { batchOf, sampleFacts } from "./sample-facts.ts";
import { firstTwin, secondTwin } from "./sample-twins.ts";
import { emptyRole, n1, op, rackR1, sampleRole, web } from "./samples.ts";

export const sampleCommands: ByType<Command> = {
  applyRoles: { type: "applyRoles", roles: [sampleRole, emptyRole("bare")] },
  deleteRole: { type: "deleteRole", role: web },
  assignRole: { type: "assignRole", node: n1, role: web },
  unassignRole: { type: "unassignRole", node: n1, role: web },
  updateNode: {
    type: "updateNode",
    node: n1,
    labels: { use: "web" },
    location: { rack: "r1" },
    revision: 3,
  },
  startMaintenance: { type: "startMaintenance", node: n1, reason: "new disk" },
  endMaintenance: { type: "endMaintenance", node: n1 },
  forgetNode: { type: "forgetNode", node: n1 },
  cancelOperation: { type: "cancelOperation", operation: op },
  cancelAction: { type: "cancelAction", action: "n1-1" as ActionId, reason: "the wrong rack" },
  pauseActions: { type: "pauseActions", reason: "the switch is replaced" },
  resumeActions: { type: "resumeActions" },
  setActionLimits: {
    type: "setActionLimits",
    limits: { stormPercent: 40, settleMs: 0 },
    reason: "a quiet night",
  },
  releaseStorm: { type: "releaseStorm", faultDomain: rackR1, reason: "the switch is back" },
  addReplica: { type: "addReplica", replica: 4, address: "10.0.0.4:7500", replaces: 3 },
  removeReplica: { type: "removeReplica", replica: 3 },
  forgetReplica: { type: "forgetReplica", replica: 3 },
  acceptFacts: { type: "acceptFacts", batch: batchOf(Object.values(sampleFacts)) },
  reportPresence: { type: "reportPresence", node: n1, presence: "lost", silentMs: 30_000 },
  reportSight: { type: "reportSight", domain: "rack:k1", lost: true, silent: 38, nodes: 40 },
  reportClaimants: { type: "reportClaimants", node: n1, claimants: [firstTwin, secondTwin] },
  carryOutPlan: { type: "carryOutPlan", decisions: [{ type: "completeOperation", operation: op }] },
};
