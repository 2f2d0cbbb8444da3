/**
 * A whole datacenter on loopback: real processes, one state folder.
 *
 * `startLab` is what `npm start`, the story and the end-to-end tests use. The lab supervises its
 * processes and keeps `lab.json` true; it takes part in nothing that they do. Everything it
 * starts ends with `stop()`.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import { findNatsServer } from "./find-program.ts";
import { LAB_FILE_VERSION, labFilePath, writeLabFile } from "./lab-file.ts";
import { LabProcess } from "./lab-process.ts";
import { refuseSecondLab, stopLeftovers, sweep } from "./leftovers.ts";
import { natsConfig, natsConfigPath, natsSpecs } from "./nats-topology.ts";
import {
  AGENTS_DEFAULT,
  DATACENTER,
  LabError,
  NATS_SERVERS,
  NATS_SERVERS_DEFAULT,
  natsNames,
  PORT_BASE_DEFAULT,
  type LabOptions,
} from "./options.ts";
import { fixedPorts, freePorts, portLayout, type PortMap } from "./ports.ts";
import { startTicksOf } from "./process-table.ts";
import {
  agentSpec,
  gatewaySpec,
  joiningReplicaSpec,
  HOST,
  labAgentPlan,
  natsUrl,
  orchestratorSpec,
  portOf,
  REPLICA_IDS,
  REPOSITORY_DIR,
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
/** What a lab writes in its state folder; nothing else there is ever deleted. */
const STATE_ENTRIES = ["gateway", "agents", "logs", "lab.json"].concat(
  NATS_SERVERS.flatMap(natsNames),
  REPLICA_IDS.map((id) => `orchestrator-${id}`),
);

/**
 * Starts a lab and waits until all of it is ready. @throws LabError; nothing is left running
 * then.
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const lab = await prepareLab(options);
  try {
    await lab.startAll();
  } catch (error) {
    await lab.stop();
    throw error;
  }
  return lab;
}

/**
 * A lab of which nothing runs yet; what an earlier one left is gone. @throws LabError while
 * another runs here.
 */
export async function prepareLab(options: LabOptions): Promise<Lab> {
  const stateDir = resolve(options.stateDir);
  const report = options.report ?? ((): void => undefined);
  const earlier = refuseSecondLab(stateDir);
  if (earlier !== undefined) {
    const stopped = await stopLeftovers(earlier);
    if (stopped.length > 0) report(`stopped what an earlier lab left: ${stopped.join(", ")}`);
  }
  if (options.fresh === true) {
    await sweep(stateDir);
    for (const entry of STATE_ENTRIES)
      rmSync(join(stateDir, entry), { recursive: true, force: true });
  }
  const layout = portLayout(options.agents ?? AGENTS_DEFAULT, options.nats ?? NATS_SERVERS_DEFAULT);
  const portBase = options.portBase ?? PORT_BASE_DEFAULT;
  const ports =
    portBase === 0
      ? await freePorts(layout, earlier?.ports ?? {})
      : await fixedPorts(layout, portBase);
  return new Lab(siteOf(options, stateDir, ports), options, report);
}

export class Lab implements AsyncDisposable {
  readonly datacenter: string = DATACENTER;
  readonly #site: Site;
  readonly #options: LabOptions;
  readonly #report: (line: string) => void;
  readonly #processes = new Map<string, LabProcess>();
  #stopping: Promise<void> | undefined;

  /** Use {@link prepareLab}. */
  constructor(site: Site, options: LabOptions, report: (line: string) => void) {
    this.#site = site;
    this.#options = options;
    this.#report = report;
    for (const spec of this.#specs()) this.#add(spec);
  }

  get stateDir(): string {
    return this.#site.stateDir;
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

  get labFile(): string {
    return labFilePath(this.#site.stateDir);
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
   * at its `grpc` port. The id must be new to the lab. `group` says where others of the group are;
   * default those that the lab began with.
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

  /** Stops everything, callers before what they call, and makes sure that nothing is left. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stopAll(): Promise<void> {
    for (const kind of STOP_ORDER) {
      const those = this.processes.filter((one) => one.spec.kind === kind);
      await Promise.all(
        those.map(async (one) => {
          const inTime = await one.stop(STOP_ALLOWED_MS[kind]);
          if (!inTime) this.#report(`${one.name} did not stop in time and was killed`);
        }),
      );
    }
    const left = await sweep(this.stateDir);
    if (left > 0) this.#report(`ended ${left} processes that were left on the nodes`);
  }

  async #startWithReport(one: LabProcess): Promise<void> {
    const beganMs = performance.now();
    await one.start();
    const tookS = ((performance.now() - beganMs) / 1_000).toFixed(1);
    this.#report(`${one.name} is ready after ${tookS} s`);
  }

  #specs(): ProcessSpec[] {
    const site = this.#site;
    const agents = Array.from({ length: this.#options.agents ?? AGENTS_DEFAULT }, (_, at) =>
      labAgentPlan(site.ports, at + 1),
    );
    if (this.#options.machine !== false) agents.unshift(machinePlan(site.ports, agents));
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
    const added = new LabProcess(spec, {
      restart: this.#options.restart !== false,
      report: this.#report,
      changed: () => this.#writeLabFile(),
    });
    this.#processes.set(spec.name, added);
    return added;
  }

  #writeNatsConfigs(): void {
    for (const name of natsNames(this.#site.natsServers)) {
      mkdirSync(this.process(name).spec.dataDir, { recursive: true });
      writeFileSync(natsConfigPath(this.#site, name), natsConfig(this.#site, name));
    }
  }

  #writeLabFile(): void {
    writeLabFile({
      version: LAB_FILE_VERSION,
      datacenter: DATACENTER,
      gateway: this.gatewayAddress,
      replicas: this.replicas,
      natsUrl: this.natsUrl,
      stateDir: this.stateDir,
      lab: { pid: process.pid, startTicks: startTicksOf(process.pid) ?? 0 },
      ports: this.#site.ports,
      processes: this.processes.map(({ spec, identity }) => ({
        name: spec.name,
        kind: spec.kind,
        pid: identity?.pid ?? null,
        startTicks: identity?.startTicks ?? null,
        ports: spec.ports,
        dataDir: spec.dataDir,
        logFile: spec.logFile,
        ...(spec.rootDir === undefined ? {} : { rootDir: spec.rootDir }),
      })),
    });
  }
}

function siteOf(options: LabOptions, stateDir: string, ports: PortMap): Site {
  const node = options.node ?? process.execPath;
  return {
    stateDir,
    repositoryDir: REPOSITORY_DIR,
    node,
    natsServer: findNatsServer(options.natsServer),
    natsServers: options.nats ?? NATS_SERVERS_DEFAULT,
    logLevel: options.logLevel ?? "info",
    path: `${dirname(node)}:${process.env["PATH"] ?? "/usr/bin:/bin"}`,
    ports,
  };
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
