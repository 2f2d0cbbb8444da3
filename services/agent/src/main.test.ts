/**
 * The agent as a process, against a real nats-server: what survives `kill -9`, of the agent and of
 * the server.
 *
 * Skipped where there is no nats-server.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { FakeOrchestrator, until } from "@atoll/agent-core/testing";
import { connectOrchestratorBus } from "@atoll/event-bus-nats";
import { silentLog } from "@atoll/service-kit/process";
import { fileSpec, serviceSpec } from "./testing/agent-fixture.ts";

const server = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "nats-server"))
  .find((path) => existsSync(path));
const skip = server === undefined ? "nats-server is not on the PATH" : false;
const SLEEP = "exec sleep 1000";

interface Lab {
  readonly folder: string;
  readonly orchestrator: FakeOrchestrator;
  readonly log: () => string;
  startNats(): Promise<void>;
  killNats(): Promise<void>;
  startAgent(more?: Readonly<Record<string, string>>): ChildProcess;
}

async function withLab(body: (lab: Lab) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "atoll-main-"));
  const processes: ChildProcess[] = [];
  let nats: ChildProcess | undefined;
  let port = -1;
  let log = "";
  async function startNats(): Promise<void> {
    const store = join(folder, "nats");
    const words = ["-a", "127.0.0.1", "-p", String(port), "-js", "-sd", store];
    nats = spawn(server as string, [...words, "--ports_file_dir", folder], { stdio: "ignore" });
    processes.push(nats);
    if (port === -1) port = await readPort(folder);
  }
  function startAgent(more: Readonly<Record<string, string>> = {}): ChildProcess {
    const main = new URL(import.meta.resolve("./main.ts")).pathname;
    const agent = spawn(process.execPath, ["--conditions=atoll-source", main], {
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        PATH: process.env["PATH"],
        ATOLL_DATACENTER: "dc1",
        ATOLL_NODE: "n1",
        ATOLL_NATS_URL: `nats://127.0.0.1:${port}`,
        ATOLL_DATA_DIR: join(folder, "data"),
        ATOLL_ROOT_DIR: join(folder, "root"),
        ATOLL_TRANSPORT: "insecure-for-lab",
        ...more,
      },
    });
    agent.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
    });
    processes.push(agent);
    return agent;
  }
  await startNats();
  const bus = connectOrchestratorBus({
    url: `nats://127.0.0.1:${port}`,
    datacenter: "dc1",
    log: silentLog,
  });
  const orchestrator = new FakeOrchestrator(bus, "n1");
  const killNats = (): Promise<void> => end(nats as ChildProcess, "SIGKILL");
  try {
    await body({ folder, orchestrator, log: () => log, startNats, killNats, startAgent });
  } catch (error) {
    process.stderr.write(log.slice(-4_000));
    throw error;
  } finally {
    for (const each of processes) await end(each, "SIGKILL");
    // One more agent adopts what runs and stops it.
    const before = countStarts(log);
    const last = startAgent({ ATOLL_ON_EXIT: "stop-services" });
    await until(() => countStarts(log) > before, "the last agent has started");
    await end(last, "SIGTERM");
    await bus.close();
    await rm(folder, { recursive: true, force: true });
  }
}

test("an agent killed at any moment leaves its services running and adopts them", { skip }, () =>
  withLab(async ({ orchestrator, folder, startAgent }) => {
    let agent = startAgent();
    await until(() => orchestrator.incarnation !== "", "the node appears");
    const starts = join(folder, "starts");
    const service = serviceSpec(`echo x >> ${starts}; ${SLEEP}`);
    await orchestrator.carryOut({ type: "startService", service });
    const { pid } = orchestrator.services.get("web/app") ?? { pid: 0 };
    for (let round = 2; round <= 4; round += 1) {
      await end(agent, "SIGKILL");
      assert.ok(isRunning(pid), "the service outlives the agent");
      agent = startAgent();
      await until(() => orchestrator.ofType("agentStarted").length === round, "it starts again");
      const [adopted] = orchestrator.ofType("agentStarted").at(-1)?.services ?? [];
      assert.deepEqual([adopted?.status, adopted?.pid], ["healthy", pid]);
    }
    assert.equal(await readFile(starts, "utf8"), "x\n");
    process.kill(pid, "SIGKILL");
    await until(() => orchestrator.services.get("web/app")?.status === "crashed", "the crash");
  }),
);

test(
  "an agent killed while orders rush in: each is carried out once or failed, none is lost",
  { skip },
  () =>
    withLab(async ({ orchestrator, folder, startAgent }) => {
      let agent = startAgent();
      await until(() => orchestrator.incarnation !== "", "the node appears");
      const accepted: string[] = [];
      let rushing = true;
      const rush = (async () => {
        for (let number = 1; rushing; number += 1) {
          const order = {
            type: "writeFile",
            file: fileSpec(`/f${number % 7}`, `${number}`),
          } as const;
          const reply = await orchestrator.send(order);
          if (reply?.code === "accepted") accepted.push(reply.action);
        }
      })();
      for (let round = 0; round < 4; round += 1) {
        const before = accepted.length;
        await until(() => accepted.length > before + 20 + round * 7, "orders are accepted");
        await end(agent, "SIGKILL");
        agent = startAgent();
      }
      const before = accepted.length;
      await until(() => accepted.length > before, "the last agent accepts");
      rushing = false;
      await rush;
      const finished = (): readonly string[] =>
        orchestrator.ofType("actionFinished").map((fact) => fact.action);
      await until(
        () => accepted.every((action) => finished().includes(action)),
        "all have results",
      );
      assert.equal(new Set(finished()).size, finished().length, "no action has two results");
      for (const file of orchestrator.ofType("agentStarted").at(-1)?.files ?? []) {
        assert.ok(existsSync(join(folder, "root", file.path)));
      }
    }),
);

test("nats-server killed and restarted: nothing is lost, the agent goes on", { skip }, () =>
  withLab(async ({ orchestrator, startAgent, startNats, killNats }) => {
    startAgent();
    await until(() => orchestrator.incarnation !== "", "the node appears");
    await orchestrator.carryOut({ type: "startService", service: serviceSpec(SLEEP) });
    const { pid } = orchestrator.services.get("web/app") ?? { pid: 0 };
    await killNats();
    process.kill(pid, "SIGKILL");
    await startNats();
    await until(() => orchestrator.services.get("web/app")?.status === "crashed", "the crash");
    assert.equal(orchestrator.services.get("web/app")?.reason, "killed by SIGKILL");
    await orchestrator.carryOut({ type: "startService", service: serviceSpec(SLEEP) });
  }),
);

test("SIGTERM ends the agent cleanly and leaves services, or stops them when asked", { skip }, () =>
  withLab(async ({ orchestrator, startAgent }) => {
    const first = startAgent();
    await until(() => orchestrator.incarnation !== "", "the node appears");
    await orchestrator.carryOut({ type: "startService", service: serviceSpec(SLEEP) });
    const { pid } = orchestrator.services.get("web/app") ?? { pid: 0 };
    await end(first, "SIGTERM");
    assert.equal(first.exitCode, 0);
    assert.ok(isRunning(pid));
    const second = startAgent({ ATOLL_ON_EXIT: "stop-services" });
    await until(() => orchestrator.ofType("agentStarted").length === 2, "it starts again");
    await end(second, "SIGTERM");
    assert.equal(second.exitCode, 0);
    assert.ok(!isRunning(pid));
  }),
);

test("wrong settings are named together, and a taken data folder is refused", { skip }, () =>
  withLab(async ({ orchestrator, startAgent, log }) => {
    const wrong = startAgent({ ATOLL_NODE: "Not A Name", ATOLL_NATS_URL: "nats://10.0.0.1:4222" });
    await once(wrong, "close");
    assert.equal(wrong.exitCode, 1);
    assert.match(log(), /ATOLL_NODE .*Not A Name.* is not a name/);
    assert.match(log(), /10\.0\.0\.1 is not a loopback address/);
    startAgent();
    await until(() => orchestrator.incarnation !== "", "the node appears");
    const second = startAgent();
    await once(second, "close");
    assert.equal(second.exitCode, 1);
    assert.match(log(), /one data folder serves one agent/);
  }),
);

async function readPort(folder: string): Promise<number> {
  let found = 0;
  const deadlineMs = performance.now() + 10_000;
  while (found === 0) {
    assert.ok(performance.now() < deadlineMs, "nats-server did not start");
    for (const name of await readdir(folder)) {
      if (!name.endsWith(".ports")) continue;
      const text = await readFile(join(folder, name), "utf8");
      found = Number(/nats:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1] ?? 0);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return found;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.kill(signal);
  await closed;
}

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

function countStarts(log: string): number {
  return log.split('"agent started"').length - 1;
}
