/**
 * The nats-servers of a lab as data: one alone, or three that are a cluster with a stream on each.
 *
 * Pure, as topology.ts. Each has a folder of its own, named after it; a lab that goes from one to
 * three or back leaves the other kind's folders as they are: a stream is only a buffer, agents send
 * again what is not committed, and what an old stream still holds is known to be old by its
 * positions.
 */
import { join } from "node:path";
import { natsNames } from "./options.ts";
import {
  commonEnvironment,
  HOST,
  logFileOf,
  portOf,
  type ProcessSpec,
  type Site,
} from "./topology.ts";

export function natsSpecs(site: Site): readonly ProcessSpec[] {
  return natsNames(site.natsServers).map((name) => natsSpec(site, name));
}

function natsSpec(site: Site, name: string): ProcessSpec {
  const dataDir = join(site.stateDir, name);
  const monitor = portOf(site.ports, `${name}-monitor`);
  const alone = site.natsServers === 1;
  // One of a cluster is ready when the cluster has a leader, not only when each stream is current.
  const health = alone ? "healthz" : "healthz?js-server-only=true";
  return {
    name,
    kind: "nats",
    command: [site.natsServer, "--config", natsConfigPath(site, name)],
    environment: commonEnvironment(site),
    workingDir: site.stateDir,
    ports: {
      client: portOf(site.ports, name),
      monitor,
      ...(alone ? {} : { routes: portOf(site.ports, `${name}-routes`) }),
    },
    dataDir,
    logFile: logFileOf(site, name),
    ready: { type: "http", url: `http://${HOST}:${monitor}/${health}` },
  };
}

export function natsConfigPath(site: Site, name: string): string {
  return join(site.stateDir, name, "nats.conf");
}

/** Loopback only, with JetStream in the state folder. */
export function natsConfig(site: Site, name: string): string {
  const names = natsNames(site.natsServers);
  const routes = names.map((one) => `"nats://${HOST}:${site.ports[`${one}-routes`]}"`);
  return [
    `# Written by the lab at each start.`,
    `server_name: ${JSON.stringify(`${site.datacenter}-${name}`)}`,
    `listen: "${HOST}:${portOf(site.ports, name)}"`,
    `http: "${HOST}:${portOf(site.ports, `${name}-monitor`)}"`,
    `max_payload: 4MB`,
    `jetstream {`,
    `  store_dir: ${JSON.stringify(join(site.stateDir, name, "jetstream"))}`,
    `  max_memory_store: 64MB`,
    `  max_file_store: 2GB`,
    `}`,
    ...(names.length === 1
      ? []
      : [
          `cluster {`,
          `  name: ${JSON.stringify(site.datacenter)}`,
          `  listen: "${HOST}:${portOf(site.ports, `${name}-routes`)}"`,
          `  routes: [${routes.join(", ")}]`,
          `}`,
        ]),
    ``,
  ].join("\n");
}
