/** The process driver: the contract, and what only processes can do. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { RenderedService, ServiceKey } from "@atoll/domain";
import { isRunning, observed, SLEEP, testServiceDriver, until } from "../contract.ts";
import type { ServiceDriver } from "../port.ts";
import { openProcessDriver } from "./process-driver.ts";
import { readProcess } from "./proc.ts";
import { INSTANCE_VARIABLE } from "./process-group.ts";

testServiceDriver({
  name: "process",
  open: (folder) => open(folder),
  service: (_folder, key, script) => Promise.resolve(service(key, script)),
  killedReason: /killed by SIGKILL/,
});

async function withDriver(
  body: (driver: ServiceDriver, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "atoll-process-"));
  const driver = await open(folder);
  try {
    await body(driver, folder);
  } finally {
    for (const { key } of driver.list()) await driver.stop(key);
    await driver[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  }
}

test("stop() ends the whole process group", () =>
  withDriver(async (driver, folder) => {
    const child = join(folder, "child");
    const spec = service("web/family", `sleep 1000 & echo $! > ${child}; wait`);
    await driver.start(spec);
    await until(() => existsSync(child) && readFileSync(child, "utf8") !== "", "the child runs");
    const pid = Number(readFileSync(child, "utf8"));
    await driver.stop(spec.key);
    assert.ok(!isRunning(pid));
  }));

test("a crash leaves nothing of the group, nor what left the group", () =>
  withDriver(async (driver, folder) => {
    const pids = join(folder, "pids");
    const spec = service(
      "web/family",
      `sleep 1000 & echo $! >> ${pids}; setsid sh -c 'echo $$ >> ${pids}; exec sleep 1000' & wait`,
    );
    const { pid } = await driver.start(spec);
    await until(() => lines(pids).length === 2, "both children run");
    process.kill(pid, "SIGKILL");
    await observed(driver, spec.key, "crashed");
    await driver.start(service("web/family", SLEEP));
    assert.deepEqual(
      lines(pids).map((each) => isRunning(Number(each))),
      [false, false],
    );
  }));

test("a program gets PATH, HOME, LANG, what was specified, and nothing of the agent's", () =>
  withDriver(async (driver, folder) => {
    process.env["ATOLL_TEST_SECRET"] = "secret";
    const found = join(folder, "environment");
    const spec = service("web/env", `env > ${found}.part; mv ${found}.part ${found}; ${SLEEP}`);
    await driver.start({ ...spec, environment: { GREETING: "hello" } });
    await until(() => existsSync(found), "the program has written its environment");
    const names = lines(found).map((line) => line.slice(0, line.indexOf("=")));
    const own = ["PWD", "OLDPWD", "SHLVL", "_"];
    assert.deepEqual(names.filter((name) => !own.includes(name)).toSorted(), [
      "ATOLL_ROOT_DIR",
      INSTANCE_VARIABLE,
      "GREETING",
      "HOME",
      "LANG",
      "PATH",
    ]);
    assert.ok(lines(found).includes("GREETING=hello"));
  }));

test("output goes to a log file of its own, which is bounded", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-process-"));
  const { ServiceLogs } = await import("./service-logs.ts");
  const logs = await ServiceLogs.open(join(folder, "logs"), 1_000);
  const driver = await open(folder);
  const spec = service("web/loud", `while :; do echo "a line of output"; sleep 0.001; done`);
  await driver.start(spec);
  const path = logs.path(spec.key);
  await until(() => readFileSync(path).length > 2_000, "the log has grown");
  await logs.rotate();
  assert.ok((await stat(`${path}.1`)).size > 2_000);
  assert.ok((await stat(path)).size < 2_000);
  await until(() => readFileSync(path).length > 100, "the program goes on writing");
  assert.match(await readFile(path, "utf8"), /^a line of output\n/);
  await driver.stop(spec.key);
  await driver[Symbol.asyncDispose]();
  logs[Symbol.dispose]();
  await rm(folder, { recursive: true, force: true });
});

test("start() says when a program may not be executed, or its interpreter is missing", () =>
  withDriver(async (driver, folder) => {
    const plain = join(folder, "plain");
    await writeFile(plain, "#!/bin/sh\n", { mode: 0o644 });
    const refused = await driver.start({ ...service("web/a", "x"), command: [plain] });
    assert.match(refused.reason, /plain may not be executed/);
    const odd = join(folder, "odd");
    await writeFile(odd, "#!/no/such/interpreter\n", { mode: 0o755 });
    const missing = await driver.start({ ...service("web/b", "x"), command: [odd] });
    assert.equal(missing.status, "crashed");
    assert.match(missing.reason, /odd ended with status 12[67] at its start/);
  }));

test("a process with the recorded id but another start time is not adopted", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-process-"));
  const driver = await open(folder);
  const spec = service("web/app", SLEEP);
  const { pid } = await driver.start(spec);
  const startTicks = readProcess(pid)?.startTicks;
  await driver[Symbol.asyncDispose]();
  // The kernel tells start times in steps of ten milliseconds.
  const startedMs = performance.now();
  await until(() => performance.now() - startedMs > 20, "the clock has moved on");
  const bystander = spawn("sleep", ["1000"], { detached: true });
  try {
    await once(bystander, "spawn");
    assert.notEqual(readProcess(bystander.pid as number)?.startTicks, startTicks);
    const path = join(folder, "records", "web.app.json");
    const record = JSON.parse(await readFile(path, "utf8")) as Record<string, unknown>;
    await writeFile(path, JSON.stringify({ ...record, pid: bystander.pid }));
    const second = await open(folder);
    assert.equal(second.list()[0]?.status, "crashed");
    assert.ok(isRunning(bystander.pid as number));
    // The true instance is known by its environment and does not survive as an orphan.
    assert.ok(!isRunning(pid));
    await second.stop(spec.key);
    await second[Symbol.asyncDispose]();
  } finally {
    bystander.kill("SIGKILL");
  }
  await rm(folder, { recursive: true, force: true });
});

test("a record that cannot be read is reported and left out", async () => {
  const folder = await mkdtemp(join(tmpdir(), "atoll-process-"));
  await (await open(folder))[Symbol.asyncDispose]();
  await writeFile(join(folder, "records", "web.app.json"), '{"key":"web/app"');
  const damaged: string[] = [];
  const driver = await openProcessDriver({
    dataFolder: folder,
    workingFolder: folder,
    onDamagedRecord: (file) => damaged.push(file),
  });
  assert.deepEqual([damaged, driver.list()], [["web.app.json"], []]);
  await driver[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

for (const delayMs of [0, 1, 2, 4, 8, 15, 30]) {
  test(`a driver killed around a start leaves one instance at most (${delayMs} ms)`, async () => {
    const folder = await mkdtemp(join(tmpdir(), "atoll-process-"));
    const module = JSON.stringify(import.meta.resolve("./process-driver.ts"));
    const script = `
      import { openProcessDriver } from ${module};
      const folder = ${JSON.stringify(folder)};
      const driver = await openProcessDriver({
        dataFolder: folder, workingFolder: folder, onDamagedRecord() {},
      });
      process.stdout.write("ready");
      for (;;) await driver.restart(${JSON.stringify(service("web/app", SLEEP))});`;
    const agent = spawn(
      process.execPath,
      ["--conditions=atoll-source", "--input-type=module", "-e", script],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(agent.stdout, "data");
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    agent.kill("SIGKILL");
    await once(agent, "exit");
    const driver = await open(folder);
    // A gate whose driver is gone ends by itself; what is adopted then is reported as crashed.
    const started = await driver.start(service("web/app", SLEEP));
    await until(() => instancesIn(folder).length <= 1, "there is one instance");
    const latest = driver.list()[0];
    if (latest?.status === "healthy") assert.deepEqual(instancesIn(folder), [latest.pid]);
    else assert.ok(started.pid > 0);
    await driver.stop(started.key);
    assert.deepEqual(instancesIn(folder), []);
    await driver[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
}

/** Live processes that run in the folder: all instances, whatever their state. */
function instancesIn(folder: string): number[] {
  const found: number[] = [];
  for (const name of readdirSync("/proc").filter((each) => /^[0-9]+$/.test(each))) {
    try {
      const variables = readFileSync(`/proc/${name}/environ`, "latin1");
      const ours = variables.includes(`ATOLL_ROOT_DIR=${folder}\0`);
      if (ours && isRunning(Number(name))) found.push(Number(name));
    } catch {
      continue;
    }
  }
  return found;
}

function lines(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
}

function open(folder: string): Promise<ServiceDriver> {
  return openProcessDriver({
    dataFolder: folder,
    workingFolder: folder,
    onDamagedRecord: (file, error) => assert.fail(`${file}: ${String(error)}`),
  });
}

function service(key: string, script: string): RenderedService {
  return {
    key: key as ServiceKey,
    driver: "process",
    command: script === "" ? ["atoll-none"] : ["sh", "-c", script],
    unit: "",
    environment: {},
    stopTimeoutMs: 5_000,
    digest: "first",
  };
}
