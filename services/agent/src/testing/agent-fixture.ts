/**
 * A whole agent in the test's own process, on a bus in memory, with an orchestrator in small at the
 * other end.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeOrchestrator } from "@atoll/agent-core/testing";
import type {
  DatacenterName,
  NodeName,
  RenderedFile,
  RenderedService,
  ServiceKey,
} from "@atoll/domain";
import { type AgentBus, type BusScheduler, MemoryBus } from "@atoll/event-bus";
import { silentLog } from "@atoll/service-kit/process";
import type { Clock } from "@atoll/stdx";
import { type App, startApp } from "../app.ts";
import type { Config } from "../config.ts";

export interface AgentFixture {
  readonly folder: string;
  readonly root: string;
  readonly bus: MemoryBus;
  readonly orchestrator: FakeOrchestrator;
  readonly app: () => App;
  /** Of the agent's present start. */
  readonly agentBus: () => AgentBus;
  /** Ends the agent, services untouched, and starts it anew; `between` runs while there is none. */
  restart(between?: () => Promise<void>): Promise<void>;
}

export interface AgentFixtureOptions {
  readonly mode?: "act" | "observe";
  readonly aloneAfterMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
}

/** Runs `body` with an agent; stops every service and removes the folder afterwards. */
export async function withAgent(
  body: (fixture: AgentFixture) => Promise<void>,
  options: AgentFixtureOptions = {},
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "atoll-agent-"));
  const bus = new MemoryBus(realScheduler());
  const orchestratorBus = bus.orchestrator();
  const orchestrator = new FakeOrchestrator(orchestratorBus, "n1");
  let agentBus: AgentBus | undefined;
  const start = (): Promise<App> =>
    startApp(configOf(folder, options), {
      log: silentLog,
      connect: () => {
        agentBus = bus.agent("n1");
        return agentBus;
      },
      ...(options.aloneAfterMs === undefined ? {} : { aloneAfterMs: options.aloneAfterMs }),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
    });
  let app = await start();
  try {
    await body({
      folder,
      root: join(folder, "root"),
      bus,
      orchestrator,
      app: () => app,
      agentBus: () => agentBus as AgentBus,
      restart: async (between) => {
        await app[Symbol.asyncDispose]();
        await between?.();
        app = await start();
      },
    });
  } finally {
    await app[Symbol.asyncDispose]();
    app = await startApp(
      { ...configOf(folder, options), stopServicesOnExit: true },
      {
        log: silentLog,
        connect: () => bus.agent("n1"),
      },
    );
    await app.stop();
    await app[Symbol.asyncDispose]();
    await orchestratorBus.close();
    await rm(folder, { recursive: true, force: true });
  }
}

export function configOf(folder: string, options: AgentFixtureOptions): Config {
  return {
    datacenter: "dc1" as DatacenterName,
    node: "n1" as NodeName,
    natsUrl: "",
    dataDir: join(folder, "data"),
    rootDir: join(folder, "root"),
    mode: options.mode ?? "act",
    labels: options.labels ?? {},
    stopServicesOnExit: false,
    adminPort: 0,
    logLevel: "silent",
    recordFile: undefined,
  };
}

export function serviceSpec(script: string, more: Partial<RenderedService> = {}): RenderedService {
  return {
    key: "web/app" as ServiceKey,
    driver: "process",
    command: ["sh", "-c", script],
    unit: "",
    environment: {},
    stopTimeoutMs: 5_000,
    digest: "first",
    ...more,
  };
}

export function fileSpec(path: string, content: string): RenderedFile {
  return { path, content, mode: "0644", drift: "restore", digest: `of-${content.length}` };
}

function realScheduler(): BusScheduler {
  return {
    deliver: (_delivery, run) => void setImmediate(run),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
  };
}
