/** What a run is said to have shown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FleetOutcome } from "../load/coordinator.ts";
import { parseScenario } from "../scenario/parse-scenario.ts";
import { formatReport, makeReport, type Verdict } from "./report.ts";
import { Tally, type TallyName } from "./tally.ts";

const WHOLE = { factsTaken: 10, factsCommitted: 8, factsWiped: 2 };

function verdictOf(
  counts: Partial<Record<TallyName, number>>,
  more: { settled?: boolean; drained?: boolean; interrupted?: boolean } = {},
): Verdict {
  const tally = new Tally();
  for (const [name, count] of Object.entries(counts)) tally.count(name as TallyName, count);
  const { settled = true, drained = true, interrupted = false } = more;
  const outcome: FleetOutcome = {
    workers: 1,
    settled,
    drained,
    settleMs: 1,
    runMs: 1,
    drainMs: 1,
    state: {
      phase: "ended",
      connected: 1,
      settled: 1,
      waiting: 0,
      openActions: 0,
      rssBytes: 1,
      cpuMs: 1,
      tally: Tally.sum([tally.data()]),
    },
  };
  const report = makeReport(outcome, { scenario: parseScenario({}), interrupted, samples: [] });
  assert.match(formatReport(report), new RegExp(`^verdict +${report.verdict}\n`));
  return report.verdict;
}

test("a run is ok when every fact that was not wiped is committed", () => {
  assert.equal(verdictOf(WHOLE), "ok");
  assert.equal(verdictOf({ ...WHOLE, factsCommitted: 7 }), "notDrained");
  assert.equal(verdictOf(WHOLE, { drained: false }), "notDrained");
  assert.equal(verdictOf(WHOLE, { settled: false }), "notSettled");
});

test("a violation outweighs all else, an interruption what is not done", () => {
  assert.equal(verdictOf({ ...WHOLE, repeated: 1 }, { interrupted: true }), "violated");
  assert.equal(verdictOf({ ...WHOLE, unfenced: 1 }), "violated");
  assert.equal(verdictOf(WHOLE, { interrupted: true, drained: false }), "interrupted");
});

test("Tally.sum() adds up what processes tell", () => {
  const [one, other] = [new Tally(), new Tally()];
  one.commitMs.record(10);
  other.commitMs.record(1_000);
  one.violated("repeated", "first");
  other.violated("unfenced", "second");
  const sum = Tally.sum([one.data(), other.data()]);
  assert.deepEqual([...sum.violations], ["first", "second"]);
  assert.equal(sum.of("repeated") + sum.of("unfenced"), 2);
  assert.equal(sum.commitMs.count, 2);
  assert.equal(sum.commitMs.maxMs, 1_000);
});
