/**
 * The systemd driver: the contract against a stand-in for systemctl, and what only units have.
 * Where systemd is the first process and the tests may write units, the contract runs against the
 * real one too.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { RenderedService, ServiceKey } from "@atoll/domain";
import { runCommand } from "../../run-command.ts";
import { isRunning, SLEEP, testServiceDriver, until } from "../contract.ts";
import type { ServiceDriver } from "../port.ts";
import { openSystemdDriver } from "./systemd-driver.ts";

const FAKE = fileURLToPath(import.meta.resolve("./fake-systemctl.sh"));

testServiceDriver({
  name: "systemd (stand-in)",
  open,
  service: addUnit,
  killedReason: /killed by signal 9/,
});

const real = readFileSync("/proc/1/comm", "utf8").trim() === "systemd" && process.getuid?.() === 0;
if (real) {
  testServiceDriver({
    name: "systemd (real)",
    open: (folder) => openSystemdDriver({ dataFolder: folder, onDamagedRecord: fail }),
    service: addRealUnit,
    killedReason: /killed by signal 9/,
  });
}

test("a unit that systemd restarted by itself is observed with its new process", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-systemd-"));
  const driver = await open(folder);
  const service = await addUnit(folder, "web/app", SLEEP);
  const first = await driver.start(service);
  // As by Restart=always: another process, between two looks of the driver.
  const pidFile = join(folder, `${service.unit}.pid`);
  const other = await startBystander(folder);
  await writeFile(pidFile, `${other}\n`);
  process.kill(first.pid, "SIGKILL");
  await until(() => driver.list()[0]?.pid === other, "the new process is observed");
  assert.equal(driver.list()[0]?.status, "healthy");
  await driver.stop(service.key);
  assert.ok(!isRunning(other));
  await driver[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test("start() stops a unit that runs already, because its configuration is not known", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-systemd-"));
  const service = await addUnit(folder, "web/app", SLEEP);
  const earlier = await open(folder);
  const { pid } = await earlier.start(service);
  await earlier[Symbol.asyncDispose]();
  await rm(join(folder, "records"), { recursive: true });
  const driver = await open(folder);
  const started = await driver.start(service);
  assert.notEqual(started.pid, pid);
  assert.ok(!isRunning(pid));
  await driver.stop(service.key);
  await driver[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test("without systemctl a start is refused with a reason that says so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-systemd-"));
  const driver = await openSystemdDriver({
    dataFolder: folder,
    program: "/no/systemctl",
    onDamagedRecord: fail,
  });
  const service = await addUnit(folder, "web/app", SLEEP);
  await assert.rejects(driver.start(service), /no\/systemctl is not installed/);
  await driver[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function startBystander(folder: string): Promise<number> {
  const path = join(folder, "bystander");
  const command = ["bash", "-c", `setsid sleep 1000 >/dev/null 2>&1 & echo $! > ${path}`];
  await runCommand(command, { timeoutMs: 5_000 });
  await until(() => existsSync(path), "the other process runs");
  return Number(readFileSync(path, "utf8"));
}

function open(folder: string): Promise<ServiceDriver> {
  return openSystemdDriver({
    dataFolder: folder,
    program: FAKE,
    run: (command, options) =>
      runCommand(command, {
        ...options,
        environment: { ...options.environment, FAKE_UNITS: folder },
      }),
    onDamagedRecord: fail,
  });
}

async function addUnit(folder: string, key: string, script: string): Promise<RenderedService> {
  const unit = `${key.replace("/", "-")}.service`;
  if (script !== "") await writeFile(join(folder, unit), `${script}\n`);
  return rendered(key, unit);
}

async function addRealUnit(folder: string, key: string, script: string): Promise<RenderedService> {
  const unit = `atoll-test-${folder.slice(-6)}-${key.replace("/", "-")}.service`;
  if (script !== "") {
    const path = join(folder, `${unit}.sh`);
    await writeFile(path, `${script}\n`);
    const text = `[Service]\nExecStart=/bin/sh ${path}\n`;
    await writeFile(`/run/systemd/system/${unit}`, text);
    await runCommand(["systemctl", "daemon-reload"], { timeoutMs: 10_000 });
  }
  return rendered(key, unit);
}

function rendered(key: string, unit: string): RenderedService {
  return {
    key: key as ServiceKey,
    driver: "systemd",
    command: [],
    unit,
    environment: {},
    stopTimeoutMs: 5_000,
    digest: "first",
  };
}

function fail(file: string, error: unknown): void {
  assert.fail(`${file}: ${String(error)}`);
}
