/**
 * What every service driver must do, as a suite that each implementation runs.
 *
 * Called by the drivers' tests with a factory. Services are real processes; states are waited for
 * with a deadline.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { HealthCheck, RenderedService, ServiceKey, ServiceObservation } from "@atoll/domain";
import type { ServiceChange, ServiceDriver } from "./port.ts";

export interface ServiceDriverHarness {
  readonly name: string;
  /** A driver on the records in `folder`. */
  open(folder: string): Promise<ServiceDriver>;
  /**
   * A specification that runs `sh -c script`. An empty script: a program or unit that does not
   * exist.
   */
  service(folder: string, key: string, script: string): Promise<RenderedService>;
  /** How a reason names the end by this signal. */
  readonly killedReason: RegExp;
}

const WAIT_MS = 30_000;

export function testServiceDriver(harness: ServiceDriverHarness): void {
  describe(`${harness.name} service driver`, { concurrency: 4 }, () => {
    const folders: string[] = [];
    after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

    async function newFolder(): Promise<string> {
      const folder = await mkdtemp(join(tmpdir(), "atoll-driver-"));
      folders.push(folder);
      return folder;
    }

    /** Runs `body` with a driver and stops everything afterwards. */
    async function withDriver(
      body: (driver: ServiceDriver, folder: string, changes: ServiceChange[]) => Promise<void>,
    ): Promise<void> {
      const folder = await newFolder();
      const driver = await harness.open(folder);
      const changes: ServiceChange[] = [];
      driver.onChange((change) => changes.push(change));
      try {
        await body(driver, folder, changes);
      } finally {
        await stopAll(driver);
        await driver[Symbol.asyncDispose]();
      }
    }

    test("start() runs the program and says so before it resolves", () =>
      withDriver(async (driver, folder, changes) => {
        const service = await harness.service(folder, "web/app", SLEEP);
        const observation = await driver.start(service);
        assert.equal(observation.status, "healthy");
        assert.ok(isRunning(observation.pid));
        assert.deepEqual(changes.at(-1), { type: "observed", observation });
        assert.deepEqual(driver.list(), [observation]);
        assert.deepEqual(driver.specification(service.key), service);
      }));

    test("start() leaves an instance of the same digest alone", () =>
      withDriver(async (driver, folder) => {
        const service = await harness.service(folder, "web/app", SLEEP);
        const first = await driver.start(service);
        assert.deepEqual(await driver.start(service), first);
      }));

    test("start() replaces an instance of another digest", () =>
      withDriver(async (driver, folder, changes) => {
        const first = await driver.start(await harness.service(folder, "web/app", SLEEP));
        const next = { ...(await harness.service(folder, "web/app", SLEEP)), digest: "other" };
        const second = await driver.start(next);
        assert.notEqual(second.pid, first.pid);
        assert.ok(!isRunning(first.pid));
        assert.deepEqual(statuses(changes), ["healthy", "stopped", "healthy"]);
      }));

    test("restart() replaces an instance of the same digest", () =>
      withDriver(async (driver, folder) => {
        const service = await harness.service(folder, "web/app", SLEEP);
        const first = await driver.start(service);
        const second = await driver.restart(service);
        assert.notEqual(second.pid, first.pid);
        assert.ok(!isRunning(first.pid));
        assert.ok(isRunning(second.pid));
      }));

    test("stop() ends the program and forgets the key", () =>
      withDriver(async (driver, folder, changes) => {
        const service = await harness.service(folder, "web/app", SLEEP);
        const { pid } = await driver.start(service);
        await driver.stop(service.key);
        assert.ok(!isRunning(pid));
        assert.deepEqual(statuses(changes), ["healthy", "stopped", "forgotten"]);
        assert.deepEqual(driver.list(), []);
      }));

    test("stop() of an unknown key does nothing", () =>
      withDriver(async (driver, _folder, changes) => {
        await driver.stop("no/such" as ServiceKey);
        assert.deepEqual(changes, []);
      }));

    test("stop() kills what does not end in time", () =>
      withDriver(async (driver, folder) => {
        const ready = join(folder, "ready");
        const script = `trap "" TERM; touch ${ready}; while :; do sleep 1; done`;
        const service = await harness.service(folder, "web/stubborn", script);
        const { pid } = await driver.start({ ...service, stopTimeoutMs: 200 });
        await until(() => existsSync(ready), "the program has set its trap");
        await driver.stop(service.key);
        assert.ok(!isRunning(pid));
      }));

    test("a killed program is reported as crashed, with the cause, and not restarted", () =>
      withDriver(async (driver, folder) => {
        const { pid, key } = await driver.start(await harness.service(folder, "web/app", SLEEP));
        process.kill(pid, "SIGKILL");
        const crashed = await observed(driver, key, "crashed");
        assert.match(crashed.reason, harness.killedReason);
        assert.equal(crashed.pid, 0);
      }));

    test("a program that ends is reported as crashed, with its status", () =>
      withDriver(async (driver, folder) => {
        const service = await harness.service(folder, "web/brief", "sleep 0.05; exit 7");
        await driver.start(service);
        const crashed = await observed(driver, service.key, "crashed");
        assert.match(crashed.reason, /status 7/);
      }));

    test("start() after a crash runs a new instance", () =>
      withDriver(async (driver, folder) => {
        const service = await harness.service(folder, "web/app", SLEEP);
        const first = await driver.start(service);
        process.kill(first.pid, "SIGKILL");
        await observed(driver, service.key, "crashed");
        const second = await driver.start(service);
        assert.equal(second.status, "healthy");
        assert.notEqual(second.pid, first.pid);
      }));

    test("start() of what does not exist is a crash with the reason", () =>
      withDriver(async (driver, folder) => {
        const observation = await driver.start(await harness.service(folder, "web/none", ""));
        assert.equal(observation.status, "crashed");
        assert.match(observation.reason, /none/);
      }));

    test("a new driver adopts what runs and starts no second instance", async () => {
      const folder = await newFolder();
      const starts = join(folder, "starts");
      const service = await harness.service(folder, "web/app", `echo x >> ${starts}; ${SLEEP}`);
      const first = await harness.open(folder);
      const { pid } = await first.start(service);
      await until(() => existsSync(starts), "the program has begun");
      await first[Symbol.asyncDispose]();
      assert.ok(isRunning(pid));
      const second = await harness.open(folder);
      try {
        assert.deepEqual(second.list(), [
          { key: service.key, digest: service.digest, status: "healthy", pid, reason: "" },
        ]);
        assert.equal((await second.start(service)).pid, pid);
        await until(() => readFileSync(starts, "utf8") === "x\n", "one start is noted");
        process.kill(pid, "SIGKILL");
        await observed(second, service.key, "crashed");
      } finally {
        await stopAll(second);
        await second[Symbol.asyncDispose]();
      }
    });

    test("a new driver reports what ended meanwhile as crashed", async () => {
      const folder = await newFolder();
      const service = await harness.service(folder, "web/app", SLEEP);
      const first = await harness.open(folder);
      const { pid } = await first.start(service);
      await first[Symbol.asyncDispose]();
      process.kill(pid, "SIGKILL");
      await until(() => !isRunning(pid), "the program is gone");
      const second = await harness.open(folder);
      assert.equal(second.list()[0]?.status, "crashed");
      await stopAll(second);
      await second[Symbol.asyncDispose]();
    });

    test("health goes from starting to healthy to unhealthy and back", () =>
      withDriver(async (driver, folder, changes) => {
        const well = join(folder, "well");
        const health: HealthCheck = {
          probe: { type: "exec", command: ["test", "-e", well] },
          intervalMs: 100,
          timeoutMs: 5_000,
          healthyAfter: 1,
          unhealthyAfter: 2,
        };
        const script = `sleep 0.2; touch ${well}; ${SLEEP}`;
        const service = { ...(await harness.service(folder, "web/app", script)), health };
        assert.equal((await driver.start(service)).status, "starting");
        await observed(driver, service.key, "healthy");
        await rm(well);
        const unhealthy = await observed(driver, service.key, "unhealthy");
        assert.match(unhealthy.reason, /test ended with status 1/);
        await writeFile(well, "");
        await observed(driver, service.key, "healthy");
        assert.deepEqual(statuses(changes), ["starting", "healthy", "unhealthy", "healthy"]);
      }));

    test("orders for one key run one after the other", () =>
      withDriver(async (driver, folder) => {
        const service = await harness.service(folder, "web/app", SLEEP);
        const all = await Promise.all([
          driver.start(service),
          driver.restart(service),
          driver.start(service),
        ]);
        assert.equal(all[1].pid, all[2].pid);
        assert.ok(!isRunning(all[0].pid));
        assert.ok(isRunning(all[2].pid));
      }));
  });
}

export const SLEEP = "exec sleep 1000";

export function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

/** Waits for a state, by looking. */
export async function until(holds: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + WAIT_MS;
  while (!holds()) {
    assert.ok(performance.now() < deadlineMs, `not within ${WAIT_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export async function observed(
  driver: ServiceDriver,
  key: ServiceKey,
  status: string,
): Promise<ServiceObservation> {
  const find = (): ServiceObservation | undefined =>
    driver.list().find((each) => each.key === key && each.status === status);
  await until(() => find() !== undefined, `${key} is ${status}`);
  return find() as ServiceObservation;
}

async function stopAll(driver: ServiceDriver): Promise<void> {
  await Promise.all(driver.list().map((observation) => driver.stop(observation.key)));
}

function statuses(changes: readonly ServiceChange[]): string[] {
  return changes.map((change) =>
    change.type === "forgotten" ? "forgotten" : change.observation.status,
  );
}
