/** Standing orders with a clock and a service that the test moves itself. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { NodeServices } from "@atoll/agent-core";
import type { RenderedService, ServiceKey, ServiceObservation } from "@atoll/domain";
import type { ServiceChange } from "@atoll/drivers";
import { ALONE_AFTER_MS, StandingOrders } from "./standing-orders.ts";

const KEY = "web/app" as ServiceKey;
/** Longer than any pause between two restarts. */
const RESTART_MS_MAX = 120_000;

interface Bench {
  readonly standing: StandingOrders;
  /** When it was restarted, in ms since the start. */
  readonly restarts: number[];
  allowed: boolean;
  crash(): void;
  pass(ms: number): Promise<void>;
}

function bench(context: TestContext): Bench {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let nowMs = 0;
  let status: ServiceObservation["status"] = "healthy";
  const listeners = new Set<(change: ServiceChange) => void>();
  const observation = (): ServiceObservation => ({
    key: KEY,
    digest: "d",
    status,
    pid: 1,
    reason: "x",
  });
  const restarts: number[] = [];
  const services = {
    find: observation,
    list: () => [observation()],
    specification: () => ({ key: KEY }) as RenderedService,
    start: () => {
      status = "healthy";
      restarts.push(nowMs);
      return Promise.resolve(observation());
    },
    onChange: (listener: (change: ServiceChange) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  } as unknown as NodeServices;
  const made: Bench = {
    restarts,
    allowed: true,
    standing: new StandingOrders({
      services,
      executor: { runAlone: (_target, task) => task() },
      report: () => undefined,
      clock: { monotonicMs: () => nowMs, realtimeMs: () => nowMs },
      allowed: () => made.allowed,
      onRestart: () => undefined,
      onBroken: (error) => assert.fail(String(error)),
    }),
    crash: () => {
      status = "crashed";
      for (const listener of listeners) listener({ type: "observed", observation: observation() });
    },
    async pass(ms) {
      for (let step = 0; step < ms; step += 500) {
        nowMs += 500;
        context.mock.timers.tick(500);
        await new Promise(setImmediate);
      }
    },
  };
  return made;
}

/** Lets time pass until it was restarted once more. */
async function untilRestarted({ restarts, pass }: Bench): Promise<void> {
  const before = restarts.length;
  for (let ms = 0; ms < RESTART_MS_MAX && restarts.length === before; ms += 500) await pass(500);
  assert.equal(restarts.length, before + 1);
}

test("nothing is restarted while the bus is there, or away for a moment", async (context) => {
  const { standing, restarts, crash, pass } = bench(context);
  standing.connectionChanged(true);
  crash();
  await pass(10_000);
  standing.connectionChanged(false);
  await pass(ALONE_AFTER_MS - 500);
  standing.connectionChanged(true);
  await pass(10_000);
  assert.deepEqual(restarts, []);
});

test("what has crashed before is restarted once the bus is away for long", async (context) => {
  const { standing, restarts, crash, pass } = bench(context);
  crash();
  standing.connectionChanged(false);
  await pass(ALONE_AFTER_MS + 500);
  assert.equal(restarts.length, 1);
});

test("restarts of what keeps crashing come after 0, 1, 2, 4 … 60 seconds", async (context) => {
  const made = bench(context);
  const { standing, restarts, crash, pass } = made;
  standing.connectionChanged(false);
  await pass(ALONE_AFTER_MS);
  for (let round = 0; round < 9; round += 1) {
    crash();
    await untilRestarted(made);
  }
  const gaps = restarts.slice(1).map((atMs, index) => atMs - (restarts[index] as number));
  assert.deepEqual(gaps, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
});

test("what stayed up begins anew", async (context) => {
  const made = bench(context);
  const { standing, restarts, crash, pass } = made;
  standing.connectionChanged(false);
  await pass(ALONE_AFTER_MS);
  for (let round = 0; round < 4; round += 1) {
    crash();
    await untilRestarted(made);
  }
  await pass(60_000);
  const before = restarts.length;
  crash();
  await pass(500);
  assert.equal(restarts.length, before + 1);
});

test("what is not allowed is not done, and the return of the bus ends it", async (context) => {
  const made = bench(context);
  made.standing.connectionChanged(false);
  await made.pass(ALONE_AFTER_MS);
  made.allowed = false;
  made.crash();
  await made.pass(5_000);
  assert.deepEqual(made.restarts, []);
  made.allowed = true;
  made.crash();
  made.standing.connectionChanged(true);
  await made.pass(5_000);
  assert.deepEqual(made.restarts, []);
});
