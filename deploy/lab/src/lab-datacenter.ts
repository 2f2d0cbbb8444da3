/**
 * One datacenter of a lab: its processes, from the bus to the agents.
 *
 * Complete by itself, as a real one is: it knows of the others only where their gateways are
 * reached. Starts and stops what it has; whether anything else runs is the lab's business.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import type { LabFileDatacenter, LabFileProcess } from "./lab-file.ts";
import { LabProcess } from "./lab-process.ts";
import { natsConfig, natsConfigPath, natsSpecs } from "./nats-topology.ts";
import { LabError, natsNames, REPLICA_IDS } from "./options.ts";
import { freePorts, type PortMap } from "./ports.ts";
import {
  agentSpec,
  gatewaySpec,
  HOST,
  joiningReplicaSpec,
  labAgentPlan,
  natsUrl,
  orchestratorSpec,
  portOf,
  replicasText,
  STOP_ORDER,
  type AgentPlan,
  type ProcessKind,
  type ProcessSpec,
  type Site,
} from "./topology.ts";

/** Agents first stop the services of their nodes. */
const STOP_ALLOWED_MS: Readonly<Record<ProcessKind, number>> = {
  gateway: 5_000,
  agent: 20_000,
  orchestrator: 5_000,
  nats: 5_000,
};

export interface LabDatacenterOptions {
  readonly agents: number;
  /** An agent for the machine itself. */
  readonly machine: boolean;
  readonly restart: boolean;
  readonly report: (line: string) => void;
  /** Called at each change of a process. */
  readonly changed: () => void;
}

export class LabDatacenter {
  readonly name: string;
  readonly stateDir: string;
  readonly #site: Site;
  readonly #options: LabDatacenterOptions;
  readonly #processes = new Map<string, LabProcess>();

  constructor(site: Site, options: LabDatacenterOptions) {
    this.name = site.datacenter;
    this.stateDir = site.stateDir;
    this.#site = site;
    this.#options = options;
    for (const spec of this.#specs()) this.#add(spec);
  }

  /** host:port */
  get gatewayAddress(): string {
    return `${HOST}:${portOf(this.#site.ports, "gateway")}`;
  }

  /** As ATOLL_REPLICAS has it. */
  get replicas(): string {
    return replicasText(this.#site.ports);
  }

  /** All nats-servers, separated by commas. */
  get natsUrl(): string {
    return natsUrl(this.#site);
  }

  /** In the order of starting. */
  get processes(): readonly LabProcess[] {
    return [...this.#processes.values()];
  }

  /**
   * Names: nats (or nats-1 to -3), orchestrator-1 to -3, gateway, n1, n2, …, and the machine's.
   * @throws LabError for another.
   */
  process(name: string): LabProcess {
    const found = this.#processes.get(name);
    if (found !== undefined) return found;
    throw new LabError(
      `the lab has no process ${name}, only ${[...this.#processes.keys()].join(", ")}`,
    );
  }

  /** Starts what does not run and waits until it is ready. */
  async start(name: string): Promise<void> {
    await this.process(name).start();
  }

  pause(name: string): void {
    this.process(name).pause();
  }

  resume(name: string): void {
    this.process(name).resume();
  }

  /** One more agent, with a root folder of its own, started and ready. */
  async addAgent(
    agent: Pick<AgentPlan, "name"> & Partial<Pick<AgentPlan, "labels" | "mode" | "environment">>,
  ): Promise<LabProcess> {
    const names = [`${agent.name}-admin`, `${agent.name}-service`, `${agent.name}-relay`];
    const layout = Object.fromEntries(names.map((name) => [name, 0]));
    const ports = await freePorts(layout, {});
    const service = portOf(ports, `${agent.name}-service`);
    const relay = portOf(ports, `${agent.name}-relay`);
    const added = this.#add(
      agentSpec(this.#site, {
        name: agent.name,
        mode: agent.mode ?? "act",
        labels: { port: String(service), "relay-port": String(relay), ...agent.labels },
        adminPort: portOf(ports, `${agent.name}-admin`),
        servicePorts: { service, relay },
        ...(agent.environment === undefined ? {} : { environment: agent.environment }),
      }),
    );
    await added.start();
    return added;
  }

  /**
   * One more orchestrator replica with an empty folder, started: it waits to be added to the group
   * at its `grpc` port. The id must be new to the datacenter. `group` says where others of the
   * group are; default those that the lab began with.
   */
  async addReplica(id: number, group: string = this.replicas): Promise<LabProcess> {
    const names = [`orchestrator-${id}`, `orchestrator-${id}-admin`];
    const ports = await freePorts(Object.fromEntries(names.map((name) => [name, 0])), {});
    const added = this.#add(joiningReplicaSpec(this.#site, id, { ports, group }));
    await added.start();
    return added;
  }

  /** The bus first, then everything else at once. */
  async startAll(): Promise<void> {
    mkdirSync(this.stateDir, { recursive: true });
    this.#writeNatsConfigs();
    const startAll = async (those: readonly LabProcess[]): Promise<void> => {
      await Promise.all(those.map((one) => this.#startWithReport(one)));
    };
    await startAll(this.processes.filter((one) => one.spec.kind === "nats"));
    await startAll(this.processes.filter((one) => one.spec.kind !== "nats"));
  }

  /** Callers before what they call. */
  async stopAll(): Promise<void> {
    for (const kind of STOP_ORDER) {
      const those = this.processes.filter((one) => one.spec.kind === kind);
      await Promise.all(
        those.map(async (one) => {
          const inTime = await one.stop(STOP_ALLOWED_MS[kind]);
          if (!inTime) this.#options.report(`${one.name} did not stop in time and was killed`);
        }),
      );
    }
  }

  describe(): LabFileDatacenter {
    const { name, gatewayAddress: gateway, replicas, natsUrl: url, stateDir } = this;
    return { name, gateway, replicas, natsUrl: url, stateDir };
  }

  describeProcesses(): readonly LabFileProcess[] {
    return this.processes.map(({ spec, identity }) => ({
      name: spec.name,
      datacenter: this.name,
      kind: spec.kind,
      pid: identity?.pid ?? null,
      startTicks: identity?.startTicks ?? null,
      ports: spec.ports,
      dataDir: spec.dataDir,
      logFile: spec.logFile,
      ...(spec.rootDir === undefined ? {} : { rootDir: spec.rootDir }),
    }));
  }

  async #startWithReport(one: LabProcess): Promise<void> {
    const beganMs = performance.now();
    await one.start();
    const tookS = ((performance.now() - beganMs) / 1_000).toFixed(1);
    this.#options.report(`${one.name} is ready after ${tookS} s`);
  }

  #specs(): ProcessSpec[] {
    const site = this.#site;
    const agents = Array.from({ length: this.#options.agents }, (_, at) =>
      labAgentPlan(site.ports, at + 1),
    );
    if (this.#options.machine) agents.unshift(machinePlan(site.ports, agents));
    return [
      ...natsSpecs(site),
      ...REPLICA_IDS.map((id) => orchestratorSpec(site, id)),
      gatewaySpec(site),
      ...agents.map((plan) => agentSpec(site, plan)),
    ];
  }

  #add(spec: ProcessSpec): LabProcess {
    if (this.#processes.has(spec.name))
      throw new LabError(`the lab has a process ${spec.name} already`);
    const { restart, report, changed } = this.#options;
    const added = new LabProcess(spec, { restart, report, changed });
    this.#processes.set(spec.name, added);
    return added;
  }

  #writeNatsConfigs(): void {
    for (const name of natsNames(this.#site.natsServers)) {
      mkdirSync(this.process(name).spec.dataDir, { recursive: true });
      writeFileSync(natsConfigPath(this.#site, name), natsConfig(this.#site, name));
    }
  }
}

/** The agent of the machine that the lab runs on: it only looks. */
function machinePlan(ports: PortMap, others: readonly AgentPlan[]): AgentPlan {
  const label = (hostname().split(".")[0] ?? "")
    .toLowerCase()
    .replace(/[^a-z0-9-]/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 56);
  const taken = others.some((plan) => plan.name === label);
  const name = label === "" ? "machine" : taken ? `host-${label}` : label;
  const adminPort = portOf(ports, "machine-admin");
  return { name, mode: "observe", labels: {}, adminPort, servicePorts: {} };
}
