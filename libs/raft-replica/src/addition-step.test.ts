import assert from "node:assert/strict";
import { test } from "node:test";
import { membershipOf } from "raft-ts";
import { additionStep } from "./addition-step.ts";
import type { PeerProgress } from "./ports.ts";

const CAUGHT_UP: PeerProgress = {
  id: 4,
  matchIndex: 50,
  state: "replicate",
  active: true,
  recovering: false,
};
const LEARNS = { ...membershipOf([1, 2, 3]), learners: [4] };

test("additionStep() makes a stranger a learner, and leaves a voter alone", () => {
  const group = { lastIndex: 60, peers: [CAUGHT_UP] };
  assert.equal(
    additionStep(4, { ...group, membership: membershipOf([1, 2, 3]) }, 10),
    "addLearner",
  );
  assert.equal(additionStep(4, { ...group, membership: LEARNS }, 10), "addVoter");
  assert.equal(additionStep(4, { ...group, membership: membershipOf([1, 4]) }, 10), "none");
  const joint = { ...LEARNS, outgoing: [1, 2] };
  assert.equal(additionStep(4, { ...group, membership: joint }, 10), "wait");
});

test("additionStep() waits for a learner that could not commit anything as a voter", () => {
  const group = { lastIndex: 60, membership: LEARNS };
  const not: Record<string, readonly PeerProgress[]> = {
    unknown: [],
    unheard: [{ ...CAUGHT_UP, matchIndex: 0 }],
    behind: [{ ...CAUGHT_UP, matchIndex: 49 }],
    silent: [{ ...CAUGHT_UP, active: false }],
    recovering: [{ ...CAUGHT_UP, recovering: true }],
    snapshot: [{ ...CAUGHT_UP, state: "snapshot" }],
  };
  for (const [name, peers] of Object.entries(not)) {
    const lagEntriesMax = name === "unheard" ? 1_000 : 10;
    assert.equal(additionStep(4, { ...group, peers }, lagEntriesMax), "wait", name);
  }
});
