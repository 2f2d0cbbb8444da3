/**
 * An agent that nobody announced, beside a lab that runs: started by whoever asks, not supervised.
 *
 * It is a node of the lab's first datacenter and belongs to the lab's state folder, so the lab's
 * end ends it too if its owner forgot. Used by the story to let a node appear.
 */
import { dirname } from "node:path";
import type { LabFile, LabFileProcess } from "./lab-file.ts";
import { LabProcess } from "./lab-process.ts";
import { LabError } from "./options.ts";
import { freePorts, portsOf } from "./ports.ts";
import { agentSpec, portOf, REPOSITORY_DIR, type AgentPlan, type Site } from "./topology.ts";

/**
 * Not yet started. Its service ports are free ones, told to the node by the labels `port` and
 * `relay-port`.
 */
export async function guestAgent(
  lab: LabFile,
  agent: Pick<AgentPlan, "name"> & Partial<Pick<AgentPlan, "labels" | "mode">>,
): Promise<LabProcess> {
  const ports = await freePorts({ admin: 0, service: 0, relay: 0 }, {});
  const [service, relay] = [portOf(ports, "service"), portOf(ports, "relay")];
  const home = lab.datacenters[0];
  if (home === undefined) throw new LabError(`the lab of ${lab.stateDir} has no datacenter`);
  const isServer = ({ kind, datacenter }: LabFileProcess): boolean =>
    kind === "nats" && datacenter === home.name;
  const site: Site = {
    datacenter: home.name,
    stateDir: home.stateDir,
    labDir: lab.stateDir,
    repositoryDir: REPOSITORY_DIR,
    node: process.execPath,
    natsServer: "",
    natsServers: lab.processes.filter(isServer).length === 1 ? 1 : 3,
    logLevel: "info",
    path: `${dirname(process.execPath)}:${process.env["PATH"] ?? "/usr/bin:/bin"}`,
    ports: portsOf(lab.ports, home.name),
    peers: {},
  };
  const plan: AgentPlan = {
    name: agent.name,
    mode: agent.mode ?? "act",
    labels: { port: String(service), "relay-port": String(relay), ...agent.labels },
    adminPort: portOf(ports, "admin"),
    servicePorts: { service, relay },
  };
  const unsupervised = { restart: false, report: () => undefined, changed: () => undefined };
  return new LabProcess(agentSpec(site, plan), unsupervised);
}
