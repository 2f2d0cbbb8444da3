/** Which verdicts on a node that has had a twin are false. */
import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import type { DomainEvent, NodeName } from "@atoll/domain";
import { DatacenterHistory } from "./datacenter-history.ts";
import { Violation } from "./violation.ts";

const N1 = "n1" as NodeName;
const PROCESS = { instance: "a", host: "h", bootId: "b", pid: 1, address: "" };

describe("DatacenterHistory.accused()", () => {
  let history: DatacenterHistory;
  beforeEach(() => {
    history = new DatacenterHistory();
    history.connected(N1, { atMs: 0, incarnation: () => "here" });
    history.identity.twinned(N1);
  });

  const applied = (event: DomainEvent): void => history.identity.applied(event, 1);
  const accuse = (incarnation: string) => (): void => history.accused(N1, incarnation, 9_000);
  const endConflict = (incarnation: string): void => {
    applied({ type: "identityConflict", node: N1, claimants: [] });
    const remaining = { incarnation, process: PROCESS };
    applied({ type: "identityConflictEnded", node: N1, remaining });
  };

  test("lets a twin that the log holds be lost, and not the agent that is there", () => {
    assert.doesNotThrow(accuse("gone"));
    assert.throws(accuse("here"), Violation);
  });

  test("wants whom a conflict ended with to be the node, until the log goes on", () => {
    endConflict("here");
    assert.throws(accuse("gone"), Violation);
    applied({ type: "nodeWiped", node: N1, incarnation: "another twin", lost: 0 });
    assert.doesNotThrow(accuse("another twin"));
    endConflict("here");
    applied({ type: "identityConflict", node: N1, claimants: [] });
    assert.doesNotThrow(accuse("gone"));
  });

  test("lets the node be lost when it was a twin that a conflict ended with", () => {
    endConflict("gone");
    assert.doesNotThrow(accuse("gone"));
  });
});
