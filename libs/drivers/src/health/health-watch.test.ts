/** The states of health under a probe that the test answers itself. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { HealthCheck } from "@atoll/domain";
import { HealthWatch, QUICK_PROBE_MS, STARTING_MS_MAX } from "./health-watch.ts";

const CHECK: HealthCheck = {
  probe: { type: "tcp", host: "h", port: "1" },
  intervalMs: 1_000,
  timeoutMs: 1_000,
  healthyAfter: 2,
  unhealthyAfter: 3,
};

interface Bench {
  readonly watch: HealthWatch;
  readonly statuses: string[];
  /** Answers the probe that waits and lets `passMs` go by. */
  answer(reason: string | undefined, passMs: number): Promise<void>;
  readonly waiting: () => number;
}

function bench(context: TestContext): Bench {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  context.mock.method(performance, "now", () => nowMs);
  const statuses: string[] = [];
  const probes: ((reason: string | undefined) => void)[] = [];
  const watch = new HealthWatch({
    check: CHECK,
    environment: {},
    probe: () => new Promise((resolve) => probes.push(resolve)),
    onStatus: (status, reason) => statuses.push(reason === "" ? status : `${status}: ${reason}`),
  });
  return {
    watch,
    statuses,
    waiting: () => probes.length,
    async answer(reason, passMs) {
      probes.shift()?.(reason);
      await new Promise(setImmediate);
      nowMs += passMs;
      context.mock.timers.tick(passMs);
    },
  };
}

test("it looks often until the first success, then by its interval", async (context) => {
  const { watch, statuses, answer, waiting } = bench(context);
  await answer("refused", QUICK_PROBE_MS);
  assert.equal(waiting(), 1);
  await answer(undefined, QUICK_PROBE_MS);
  await answer(undefined, QUICK_PROBE_MS);
  assert.deepEqual(statuses, ["healthy"]);
  assert.equal(waiting(), 0);
  await answer(undefined, 1_000 - QUICK_PROBE_MS);
  assert.equal(waiting(), 1);
  watch.stop();
});

test("it takes as many answers in a row as the role says", async (context) => {
  const { watch, statuses, answer } = bench(context);
  for (const reason of [undefined, "no", undefined]) await answer(reason, QUICK_PROBE_MS);
  assert.deepEqual(statuses, []);
  await answer(undefined, 1_000);
  for (const reason of ["a", "b", undefined, "c", "d"]) await answer(reason, 1_000);
  assert.deepEqual(statuses, ["healthy"]);
  await answer("e", 1_000);
  assert.deepEqual(statuses, ["healthy", "unhealthy: e"]);
  for (const reason of [undefined, undefined]) await answer(reason, 1_000);
  assert.deepEqual(statuses, ["healthy", "unhealthy: e", "healthy"]);
  watch.stop();
});

test("what never was healthy is unhealthy after its time to start", async (context) => {
  const { watch, statuses, answer } = bench(context);
  await answer("refused", STARTING_MS_MAX);
  assert.deepEqual(statuses, []);
  await answer("refused", 1_000);
  assert.deepEqual(statuses, ["unhealthy: not healthy since its start: refused"]);
  watch.stop();
});

test("probes never overlap, and none counts after stop()", async (context) => {
  const { watch, statuses, answer, waiting } = bench(context);
  context.mock.timers.tick(60_000);
  assert.equal(waiting(), 1);
  await answer(undefined, QUICK_PROBE_MS);
  watch.stop();
  await answer(undefined, QUICK_PROBE_MS);
  assert.deepEqual(statuses, []);
  assert.equal(waiting(), 0);
});
