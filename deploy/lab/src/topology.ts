/**
 * The processes of a datacenter as data: what each is called, how it is started, when it is ready.
 *
 * Pure: options and ports in, specifications out. The order of the list is the order of starting;
 * stopping goes by `STOP_ORDER`.
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { PortMap } from "./ports.ts";
import { LAB_MARKER } from "./process-table.ts";
import { natsNames, REPLICA_IDS, type NatsServers } from "./options.ts";

export const PROCESS_KINDS = ["nats", "orchestrator", "gateway", "agent"] as const;
export type ProcessKind = (typeof PROCESS_KINDS)[number];

/** Callers first, then what they call. */
export const STOP_ORDER: readonly ProcessKind[] = ["gateway", "agent", "orchestrator", "nats"];
export const HOST = "127.0.0.1";
/** Services that hold the state of every node. */
const HOLDS_STATE: readonly string[] = ["orchestrator", "gateway"];
/**
 * What V8 is told where it holds the state. Facts live longer than the young generation, so a large
 * one only copies them more often; and what is alive is so much that room for twice as much again
 * is a matter of hundreds of megabytes (docs/operations/sizing.md).
 */
const STATE_FLAGS: readonly string[] = ["--max-semi-space-size=8", "--heap-growing-percent=60"];
/** Where the sources of the services are. */
export const REPOSITORY_DIR: string = resolve(dirname(fileURLToPath(import.meta.url)), "../../..");

export type ReadyProbe =
  | { readonly type: "http"; readonly url: string }
  | { readonly type: "grpcHealth"; readonly address: string };

export interface ProcessSpec {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDir: string;
  readonly ports: PortMap;
  readonly dataDir: string;
  /** Agents: where the files of the node are. */
  readonly rootDir?: string;
  readonly logFile: string;
  readonly ready: ReadyProbe;
}

/** What all specifications are made from. */
export interface Site {
  readonly datacenter: string;
  /** The datacenter's own; absolute. */
  readonly stateDir: string;
  /** The lab's; absolute. */
  readonly labDir: string;
  readonly repositoryDir: string;
  readonly node: string;
  readonly natsServer: string;
  readonly natsServers: NatsServers;
  readonly logLevel: string;
  /** For the processes: the pinned Node first. */
  readonly path: string;
  readonly ports: PortMap;
  /** By the names of the other datacenters: where their gateways are reached from here. */
  readonly peers: PortMap;
}

export interface AgentPlan {
  readonly name: string;
  readonly mode: "act" | "observe";
  readonly labels: Readonly<Record<string, string>>;
  readonly adminPort: number;
  /** Further ports, for the services of its node. */
  readonly servicePorts: PortMap;
  /** Beside what every agent is given. Default nothing. */
  readonly environment?: Readonly<Record<string, string>>;
}

export function replicasText(ports: PortMap): string {
  return REPLICA_IDS.map((id) => `${id}=${HOST}:${portOf(ports, `orchestrator-${id}`)}`).join(",");
}

/** Every server, as agents and orchestrators take them. */
export function natsUrl({ ports, natsServers }: Site): string {
  return natsNames(natsServers)
    .map((name) => `nats://${HOST}:${portOf(ports, name)}`)
    .join(",");
}

export function orchestratorSpec(site: Site, id: number): ProcessSpec {
  const name = `orchestrator-${id}`;
  const port = portOf(site.ports, name);
  const admin = portOf(site.ports, `${name}-admin`);
  const dataDir = join(site.stateDir, name);
  return {
    name,
    kind: "orchestrator",
    command: serviceCommand(site, "orchestrator"),
    environment: {
      ...commonEnvironment(site),
      ATOLL_REPLICA_ID: String(id),
      ATOLL_REPLICAS: replicasText(site.ports),
      ATOLL_DATA_DIR: dataDir,
      ATOLL_NATS_URL: natsUrl(site),
      ATOLL_STREAM_REPLICAS: String(site.natsServers),
      ATOLL_ADMIN_PORT: String(admin),
      UV_THREADPOOL_SIZE: "16",
    },
    workingDir: site.stateDir,
    ports: { grpc: port, admin },
    dataDir,
    logFile: logFileOf(site, name),
    ready: { type: "grpcHealth", address: `${HOST}:${port}` },
  };
}

/**
 * One that waits to be added to the lab's group: `ports` are its own two, `group` says where others
 * are, as ATOLL_REPLICAS has it.
 */
export function joiningReplicaSpec(
  site: Site,
  id: number,
  { ports, group }: { readonly ports: PortMap; readonly group: string },
): ProcessSpec {
  const spec = orchestratorSpec({ ...site, ports: { ...site.ports, ...ports } }, id);
  const own = `${id}=${HOST}:${portOf(ports, spec.name)}`;
  const environment = {
    ...spec.environment,
    ATOLL_REPLICAS: `${group},${own}`,
    ATOLL_JOIN: "1",
  };
  return { ...spec, environment };
}

export function gatewaySpec(site: Site): ProcessSpec {
  const port = portOf(site.ports, "gateway");
  const admin = portOf(site.ports, "gateway-admin");
  const dataDir = join(site.stateDir, "gateway");
  return {
    name: "gateway",
    kind: "gateway",
    command: serviceCommand(site, "gateway"),
    environment: {
      ...commonEnvironment(site),
      ATOLL_LISTEN: `${HOST}:${port}`,
      ATOLL_REPLICAS: replicasText(site.ports),
      ATOLL_DATA_DIR: dataDir,
      ATOLL_ADMIN_PORT: String(admin),
      ...peersEnvironment(site),
    },
    workingDir: site.stateDir,
    ports: { grpc: port, admin },
    dataDir,
    logFile: logFileOf(site, "gateway"),
    ready: { type: "grpcHealth", address: `${HOST}:${port}` },
  };
}

/** Nothing where there is no other datacenter. */
function peersEnvironment({ peers, ports }: Site): Record<string, string> {
  const known = Object.entries(peers).map(([name, port]) => `${name}=${HOST}:${port}`);
  if (known.length === 0) return {};
  const listen = `${HOST}:${portOf(ports, "gateway-peers")}`;
  return { ATOLL_PEER_LISTEN: listen, ATOLL_PEERS: known.join(",") };
}

export function agentSpec(site: Site, plan: AgentPlan): ProcessSpec {
  const home = join(site.stateDir, "agents", plan.name);
  const dataDir = join(home, "data");
  const rootDir = plan.mode === "act" ? join(home, "root") : "/";
  const labels = Object.entries(plan.labels).map(([key, value]) => `${key}=${value}`);
  return {
    name: plan.name,
    kind: "agent",
    command: serviceCommand(site, "agent"),
    environment: {
      ...commonEnvironment(site),
      ATOLL_NODE: plan.name,
      ATOLL_NATS_URL: natsUrl(site),
      ATOLL_DATA_DIR: dataDir,
      ATOLL_ROOT_DIR: rootDir,
      ATOLL_MODE: plan.mode,
      ATOLL_LABELS: labels.join(","),
      ATOLL_ON_EXIT: "stop-services",
      ATOLL_ADMIN_PORT: String(plan.adminPort),
      ...plan.environment,
    },
    workingDir: site.stateDir,
    ports: { admin: plan.adminPort, ...plan.servicePorts },
    dataDir,
    rootDir,
    logFile: logFileOf(site, plan.name),
    ready: { type: "http", url: `http://${HOST}:${plan.adminPort}/healthz` },
  };
}

/** The lab node of this number: its labels name the ports that its services may use. */
export function labAgentPlan(ports: PortMap, number: number): AgentPlan {
  const name = `n${number}`;
  const service = portOf(ports, `${name}-service`);
  const relay = portOf(ports, `${name}-relay`);
  return {
    name,
    mode: "act",
    labels: { tier: "web", rack: `r${number}`, port: String(service), "relay-port": String(relay) },
    adminPort: portOf(ports, `${name}-admin`),
    servicePorts: { service, relay },
  };
}

export function portOf(ports: PortMap, name: string): number {
  const port = ports[name];
  if (port === undefined) throw new TypeError(`the lab has no port called ${name}`);
  return port;
}

function serviceCommand(site: Site, service: string): string[] {
  const main = join(site.repositoryDir, "services", service, "src", "main.ts");
  const flags = HOLDS_STATE.includes(service) ? STATE_FLAGS : [];
  return [site.node, ...flags, "--conditions=atoll-source", main];
}

export function commonEnvironment(site: Site): Record<string, string> {
  return {
    PATH: site.path,
    [LAB_MARKER]: site.labDir,
    ATOLL_DATACENTER: site.datacenter,
    ATOLL_TRANSPORT: "insecure-for-lab",
    ATOLL_LOG_LEVEL: site.logLevel,
    // Compiled sources are kept: a later start takes a third of the time, of any lab of this clone.
    NODE_COMPILE_CACHE: join(site.repositoryDir, "node_modules", ".cache", "atoll"),
    LANG: "C.UTF-8",
  };
}

export function logFileOf(site: Site, name: string): string {
  return join(site.stateDir, "logs", `${name}.log`);
}
