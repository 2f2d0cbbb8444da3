/** Supervision of one process, with small ones that stand for the real. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { LabProcess } from "./lab-process.ts";
import { freePorts } from "./ports.ts";
import { isRunning, LAB_MARKER, processesOfLab } from "./process-table.ts";
import type { ProcessSpec } from "./topology.ts";
import { sweep } from "./leftovers.ts";

/** Answers its health check; ignores SIGTERM when told to. */
const SERVER = `
  console.log("a line for the log");
  if (process.argv[2] === "stubborn") process.on("SIGTERM", () => undefined);
  const server = require("node:http").createServer((request, answer) => answer.end("ok"));
  server.listen(Number(process.argv[1]), "127.0.0.1");
`;

async function withProcess(
  options: { readonly restart: boolean; readonly script?: string; readonly word?: string },
  body: (one: LabProcess, report: readonly string[], folder: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "atoll-lab-"));
  const { http } = await freePorts({ http: 0 }, {});
  const spec: ProcessSpec = {
    name: "dummy",
    kind: "gateway",
    command: [process.execPath, "-e", options.script ?? SERVER, String(http), options.word ?? ""],
    environment: { PATH: "/usr/bin:/bin", [LAB_MARKER]: folder },
    workingDir: folder,
    ports: {},
    dataDir: join(folder, "data"),
    logFile: join(folder, "logs", "dummy.log"),
    ready: { type: "http", url: `http://127.0.0.1:${http}/healthz` },
  };
  const report: string[] = [];
  const one = new LabProcess(spec, {
    restart: options.restart,
    report: (line) => report.push(line),
    changed: () => undefined,
  });
  try {
    await body(one, report, folder);
  } finally {
    await one.stop(2_000);
    assert.deepEqual(processesOfLab(folder), []);
    await rm(folder, { recursive: true });
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadlineMs = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadlineMs, `not in time: ${what}`);
    await delay(10);
  }
}

test("LabProcess starts again what was killed, and says so", () =>
  withProcess({ restart: true }, async (one, report) => {
    await one.start();
    const first = one.identity;
    assert.ok(first !== undefined && isRunning(first));
    await one.kill("SIGKILL");
    assert.equal(isRunning(first), false);
    assert.equal(one.state, "waiting");
    await until(() => one.state === "ready", "ready again");
    assert.notEqual(one.identity?.pid, first.pid);
    assert.match(report[0] ?? "", /^dummy ended \(SIGKILL\); starting it again in 1 s$/);
    await until(() => report.length === 2, "the line about the restart");
    assert.match(report[1] ?? "", /^dummy is ready again after .* s \(pid \d+\)$/);
  }));

test("LabProcess leaves the dead dead where the lab does not restart, until told to start", () =>
  withProcess({ restart: false }, async (one, report) => {
    await one.start();
    await one.kill("SIGKILL");
    assert.equal(one.state, "stopped");
    assert.deepEqual(report, []);
    await one.start();
    assert.equal(one.state, "ready");
  }));

test("LabProcess.stop() kills what does not go in time, also when it is paused", () =>
  withProcess({ restart: true, word: "stubborn" }, async (one) => {
    await one.start();
    one.pause();
    assert.equal(await one.stop(200), false);
    assert.equal(one.state, "stopped");
    assert.equal(one.pid, undefined);
  }));

test("LabProcess.stop() during the wait before a restart prevents the restart", () =>
  withProcess({ restart: true }, async (one) => {
    await one.start();
    await one.kill("SIGKILL");
    assert.equal(await one.stop(1_000), true);
    assert.equal(one.state, "stopped");
  }));

test("LabProcess.start() says how a process ended that never got ready", () =>
  withProcess(
    { restart: false, script: 'console.error("no disk to write to"); process.exit(3)' },
    async (one) => {
      await assert.rejects(one.start(), /dummy ended before it was ready[^]*no disk to write to/);
    },
  ));

test("LabProcess writes the output of all its runs to the log file", () =>
  withProcess({ restart: false }, async (one) => {
    await one.start();
    await one.kill("SIGKILL");
    await one.start();
    const log = await readFile(one.spec.logFile, "utf8");
    assert.equal(log, "a line for the log\n".repeat(2));
  }));

test("sweep() ends every process of a lab and no other", () =>
  withProcess({ restart: false, word: "stubborn" }, async (one, _report, folder) => {
    await one.start();
    assert.deepEqual(
      processesOfLab(folder).map(({ pid }) => pid),
      [one.pid],
    );
    assert.deepEqual(processesOfLab(`${folder}-other`), []);
    assert.equal(await sweep(folder), 1);
    assert.deepEqual(processesOfLab(folder), []);
  }));
