import assert from "node:assert/strict";
import { test } from "node:test";
import { Datacenter, evolve, type NodeName } from "@atoll/domain";
import { PresenceDetector } from "./presence-detector.ts";
import { CONTROL_DEFAULTS } from "./settings.ts";

const N1 = "n1" as NodeName;
const { suspectAfterMs, lostAfterMs, detectEveryMs } = CONTROL_DEFAULTS;

function datacenterWith(...names: string[]): Datacenter {
  const datacenter = new Datacenter();
  names.forEach((name, at) => {
    const event = {
      type: "nodeDiscovered",
      node: name as NodeName,
      incarnation: "i",
      labels: {},
    } as const;
    evolve(datacenter, event, { index: at + 1, offset: 0, stampMs: 1 }, "test");
  });
  return datacenter;
}

/** Looks at every step until `untilMs` and gives what was reported, with when. */
function lookUntil(
  detector: PresenceDetector,
  view: Datacenter,
  fromMs: number,
  untilMs: number,
): string[] {
  const found: string[] = [];
  for (let nowMs = fromMs; nowMs <= untilMs; nowMs += detectEveryMs) {
    for (const { node, presence } of detector.look(view, nowMs))
      found.push(`${nowMs} ${node} ${presence}`);
  }
  return found;
}

test("PresenceDetector suspects and then loses a node that falls silent", () => {
  const view = datacenterWith("n1");
  const detector = new PresenceDetector(CONTROL_DEFAULTS);
  detector.listen(0);
  detector.heard(N1, 1_000);
  const reports = lookUntil(detector, view, detectEveryMs, 1_000 + lostAfterMs);
  assert.equal(reports[0], `${1_000 + suspectAfterMs} n1 suspected`);
  assert.equal(reports.at(-1), `${1_000 + lostAfterMs} n1 lost`);
});

test("PresenceDetector gives every node its full time after it was deaf", () => {
  const view = datacenterWith("n1");
  const detector = new PresenceDetector(CONTROL_DEFAULTS);
  detector.listen(0);
  detector.deaf();
  assert.deepEqual(lookUntil(detector, view, 0, lostAfterMs * 2), []);
  detector.listen(lostAfterMs * 2);
  assert.deepEqual(
    lookUntil(detector, view, lostAfterMs * 2, lostAfterMs * 2 + suspectAfterMs - detectEveryMs),
    [],
  );
});

test("PresenceDetector accuses nobody after its own loop stood still", () => {
  const view = datacenterWith("n1");
  const detector = new PresenceDetector(CONTROL_DEFAULTS);
  detector.listen(0);
  detector.heard(N1, 0);
  assert.deepEqual(detector.look(view, detectEveryMs), []);
  assert.deepEqual(detector.look(view, lostAfterMs * 10), []);
  assert.deepEqual(detector.look(view, lostAfterMs * 10 + detectEveryMs), []);
});

test("PresenceDetector brings a lost node back by a heartbeat only", () => {
  const view = datacenterWith("n1");
  evolve(
    view,
    { type: "nodeLost", node: N1, silentMs: 1 },
    { index: 2, offset: 0, stampMs: 1 },
    "test",
  );
  const detector = new PresenceDetector(CONTROL_DEFAULTS);
  detector.listen(0);
  assert.deepEqual(detector.look(view, detectEveryMs), []);
  detector.heard(N1, detectEveryMs);
  assert.deepEqual(
    detector.look(view, detectEveryMs * 2).map(({ presence }) => presence),
    ["alive"],
  );
});

test("PresenceDetector gives a node that appears later its full time", () => {
  const detector = new PresenceDetector(CONTROL_DEFAULTS);
  detector.listen(0);
  lookUntil(detector, datacenterWith(), detectEveryMs, lostAfterMs);
  const appearedMs = lostAfterMs + detectEveryMs;
  const view = datacenterWith("n1");
  const untilMs = appearedMs + suspectAfterMs - detectEveryMs;
  assert.deepEqual(lookUntil(detector, view, appearedMs, untilMs), []);
  const [first] = lookUntil(detector, view, untilMs + detectEveryMs, untilMs + detectEveryMs);
  assert.equal(first, `${appearedMs + suspectAfterMs} n1 suspected`);
});
