/**
 * One fact of every type, and batches of facts, for tests of everything that handles them.
 */
import type { Fact, FactBatch } from "../fact.ts";
import type { ByType } from "./samples.ts";
import {
  act,
  fileSeen,
  n1,
  sampleDifference,
  sampleInventory,
  serviceSeen,
  webApp,
} from "./samples.ts";

export const sampleFacts: ByType<Fact> = {
  agentStarted: {
    type: "agentStarted",
    observedAtMs: 1,
    agentVersion: "0.1.0",
    bootId: "b1",
    labels: { port: "8101", use: "web" },
    services: [serviceSeen("healthy")],
    files: [fileSeen("inSync")],
  },
  inventoryDiffered: { type: "inventoryDiffered", observedAtMs: 9, ...sampleDifference },
  factsDropped: { type: "factsDropped", observedAtMs: 8, lane: "state", count: 12, sinceMs: 4 },
  inventoryObserved: { type: "inventoryObserved", observedAtMs: 2, inventory: sampleInventory },
  serviceObserved: {
    type: "serviceObserved",
    observedAtMs: 3,
    service: serviceSeen("unhealthy", { reason: "503" }),
  },
  serviceForgotten: { type: "serviceForgotten", observedAtMs: 4, key: webApp },
  serviceRestartedAlone: {
    type: "serviceRestartedAlone",
    observedAtMs: 5,
    key: webApp,
    reason: "exit status 1",
  },
  fileObserved: { type: "fileObserved", observedAtMs: 6, file: fileSeen("drifted") },
  fileForgotten: { type: "fileForgotten", observedAtMs: 7, path: "/etc/app.conf" },
  actionFinished: {
    type: "actionFinished",
    observedAtMs: 8,
    action: act,
    outcome: "failed",
    reason: "no such program",
    durationMs: 3,
  },
};

/** The facts of one boot from `sequence` on, as a batch of node n1. */
export function batchOf(facts: readonly Fact[], more: Partial<FactBatch> = {}): FactBatch {
  return {
    node: n1,
    incarnation: "i1",
    previous: { boot: 0, sequence: 0 },
    first: { boot: 1, sequence: 1 },
    facts,
    ...more,
  };
}
