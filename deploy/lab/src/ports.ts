/**
 * Ports of a lab: a fixed layout above a base, or free ones that stay the same over restarts.
 *
 * Free ones are taken from below the range that the kernel gives to outgoing connections, so that
 * none of these takes a port between the choice and its use.
 */
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { DATACENTER_PORTS, LabError, natsNames, type NatsServers } from "./options.ts";

export type PortMap = Readonly<Record<string, number>>;

const FREE_PORT_MIN = 15_000;
const FREE_PORT_MAX = 32_000;
const FREE_PORT_ATTEMPTS_MAX = 200;

/**
 * Names of the ports that a datacenter with so many lab nodes and nats-servers needs, and their
 * distance from its base.
 */
export function portLayout(agents: number, natsServers: NatsServers = 1): PortMap {
  const layout: Record<string, number> = {
    gateway: 0,
    "gateway-admin": 1,
    "gateway-peers": 4,
    "machine-admin": 40,
  };
  for (const [at, name] of natsNames(natsServers).entries()) {
    layout[name] = 10 + 3 * at;
    layout[`${name}-monitor`] = 11 + 3 * at;
    if (natsServers > 1) layout[`${name}-routes`] = 12 + 3 * at;
  }
  for (const replica of [1, 2, 3]) {
    layout[`orchestrator-${replica}`] = 20 + replica;
    layout[`orchestrator-${replica}-admin`] = 30 + replica;
  }
  for (let agent = 1; agent <= agents; agent += 1) {
    layout[`n${agent}-admin`] = 100 + agent;
    layout[`n${agent}-service`] = 700 + agent;
    layout[`n${agent}-relay`] = 800 + agent;
  }
  return layout;
}

/**
 * The same for a whole lab: `control` for itself, `DATACENTER/PORT`, and `DATACENTER/OTHER-link`
 * where the one reaches the gateway of the other.
 */
export function labPortLayout(
  datacenters: readonly string[],
  agents: number,
  natsServers: NatsServers,
): PortMap {
  const layout: Record<string, number> = { control: 2 };
  for (const [at, name] of datacenters.entries()) {
    const base = at * DATACENTER_PORTS;
    for (const [port, offset] of Object.entries(portLayout(agents, natsServers))) {
      layout[`${name}/${port}`] = base + offset;
    }
    for (const [otherAt, other] of datacenters.entries()) {
      if (other !== name) layout[linkPortName(name, other)] = base + 50 + otherAt;
    }
  }
  return layout;
}

export function linkPortName(from: string, to: string): string {
  return `${from}/${to}-link`;
}

/** Those of one datacenter, by their names in it. */
export function portsOf(ports: PortMap, datacenter: string): PortMap {
  const prefix = `${datacenter}/`;
  return Object.fromEntries(
    Object.entries(ports)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, port]) => [name.slice(prefix.length), port]),
  );
}

/** The layout above a base. @throws LabError that names what is taken. */
export async function fixedPorts(layout: PortMap, base: number): Promise<PortMap> {
  const ports = Object.fromEntries(
    Object.entries(layout).map(([name, offset]) => [name, base + offset]),
  );
  const taken: string[] = [];
  for (const [name, port] of Object.entries(ports)) {
    // Ports of services are in use for as long as the services of an earlier lab run.
    if (isServicePort(name)) continue;
    if (!(await isFree(port))) taken.push(`${port} (${name})`);
  }
  if (taken.length === 0) return ports;
  throw new LabError(
    `ports in use by others: ${taken.join(", ")}; ` +
      "choose another base with --port-base N, or 0 for free ones",
  );
}

/** A free port for each name of the layout; one from `earlier` where it is still free. */
export async function freePorts(layout: PortMap, earlier: PortMap): Promise<PortMap> {
  const ports: Record<string, number> = {};
  const chosen = new Set<number>();
  for (const name of Object.keys(layout)) {
    const known = earlier[name];
    const keep = known !== undefined && (isServicePort(name) || (await isFree(known)));
    const port = keep ? known : await findFreePort(chosen);
    ports[name] = port;
    chosen.add(port);
  }
  return ports;
}

async function findFreePort(chosen: ReadonlySet<number>): Promise<number> {
  for (let attempt = 0; attempt < FREE_PORT_ATTEMPTS_MAX; attempt += 1) {
    const port = randomInt(FREE_PORT_MIN, FREE_PORT_MAX);
    if (!chosen.has(port) && (await isFree(port))) return port;
  }
  throw new LabError(`no free port found between ${FREE_PORT_MIN} and ${FREE_PORT_MAX}`);
}

function isServicePort(name: string): boolean {
  return name.endsWith("-service") || name.endsWith("-relay");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      server.close(() => resolve(true));
    });
  });
}
