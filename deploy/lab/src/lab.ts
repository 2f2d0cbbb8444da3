/**
 * Whole datacenters on loopback: real processes, one state folder, and the links between them.
 *
 * `startLab` is what `npm start`, the story and the end-to-end tests use. The lab supervises its
 * processes and keeps `lab.json` true; it takes part in nothing that they do. Only what one
 * datacenter says to another passes through it, over links that can be cut. Everything it starts
 * ends with `stop()`.
 */
import { mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { GrpcServer } from "@atoll/service-kit";
import { startControl } from "./control.ts";
import { findNatsServer } from "./find-program.ts";
import { LabDatacenter } from "./lab-datacenter.ts";
import { LAB_FILE_VERSION, labFilePath, writeLabFile, type LabFile } from "./lab-file.ts";
import type { LabProcess } from "./lab-process.ts";
import { refuseSecondLab, stopLeftovers, sweep } from "./leftovers.ts";
import { Links } from "./links/links.ts";
import {
  AGENTS_DEFAULT,
  checkDatacenters,
  DATACENTER_DEFAULT,
  LabError,
  NATS_SERVERS_DEFAULT,
  PORT_BASE_DEFAULT,
  STATE_ENTRIES,
  type LabOptions,
} from "./options.ts";
import {
  fixedPorts,
  freePorts,
  labPortLayout,
  linkPortName,
  portsOf,
  type PortMap,
} from "./ports.ts";
import { startTicksOf } from "./process-table.ts";
import { HOST, portOf, REPOSITORY_DIR, type Site } from "./topology.ts";

const LINK_SEED_DEFAULT = 1;

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
  const names = options.datacenters ?? [DATACENTER_DEFAULT];
  checkDatacenters(names);
  const report = options.report ?? ((): void => undefined);
  const earlier = refuseSecondLab(stateDir);
  if (earlier !== undefined) {
    const stopped = await stopLeftovers(earlier);
    if (stopped.length > 0) report(`stopped what an earlier lab left: ${stopped.join(", ")}`);
  }
  if (options.fresh === true) {
    await sweep(stateDir);
    forget(stateDir, [...names, ...(earlier?.datacenters ?? []).map(({ name }) => name)]);
  }
  const nats = options.nats ?? NATS_SERVERS_DEFAULT;
  const layout = labPortLayout(names, options.agents ?? AGENTS_DEFAULT, nats);
  const portBase = options.portBase ?? PORT_BASE_DEFAULT;
  const ports =
    portBase === 0
      ? await freePorts(layout, earlier?.ports ?? {})
      : await fixedPorts(layout, portBase);
  return new Lab(options, { stateDir, names, ports, report });
}

/** Deletes what labs wrote, and nothing else. */
function forget(stateDir: string, datacenters: readonly string[]): void {
  for (const folder of [...datacenters.map((name) => join(stateDir, name)), stateDir]) {
    for (const entry of STATE_ENTRIES)
      rmSync(join(folder, entry), { recursive: true, force: true });
    const isEmpty = folder !== stateDir && isEmptyFolder(folder);
    if (isEmpty) rmdirSync(folder);
  }
}

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

/** What a lab is made of beside its options. */
interface LabParts {
  /** Absolute. */
  readonly stateDir: string;
  /** Of the datacenters; at least one. */
  readonly names: readonly string[];
  readonly ports: PortMap;
  readonly report: (line: string) => void;
}

/** What is asked of the lab itself is asked of its first datacenter; `in` names another. */
export class Lab implements AsyncDisposable {
  readonly stateDir: string;
  /** At least one. */
  readonly datacenters: readonly LabDatacenter[];
  readonly #options: LabOptions;
  readonly #parts: LabParts;
  #links: Links | undefined;
  #control: GrpcServer | undefined;
  #stopping: Promise<void> | undefined;

  /** Use {@link prepareLab}. */
  constructor(options: LabOptions, parts: LabParts) {
    this.stateDir = parts.stateDir;
    this.#options = options;
    this.#parts = parts;
    const { report } = parts;
    this.datacenters = parts.names.map((name, at) => {
      return new LabDatacenter(siteOf(options, parts, name), {
        agents: options.agents ?? AGENTS_DEFAULT,
        // The machine stands in one of them.
        machine: options.machine !== false && at === 0,
        restart: options.restart !== false,
        report: parts.names.length === 1 ? report : (line): void => report(`${name}/${line}`),
        changed: () => this.#writeLabFile(),
      });
    });
  }

  /** @throws LabError when there is none of that name. */
  in(name: string): LabDatacenter {
    const found = this.datacenters.find((one) => one.name === name);
    if (found !== undefined) return found;
    const known = this.datacenters.map((one) => one.name).join(", ");
    throw new LabError(`the lab has no datacenter ${name}, only ${known}`);
  }

  /** Between the datacenters; there from the start on. */
  get links(): Links {
    if (this.#links === undefined) throw new LabError("the lab does not run yet");
    return this.#links;
  }

  get labFile(): string {
    return labFilePath(this.stateDir);
  }

  get datacenter(): string {
    return this.#first.name;
  }

  /** host:port */
  get gatewayAddress(): string {
    return this.#first.gatewayAddress;
  }

  /** As ATOLL_REPLICAS has it. */
  get replicas(): string {
    return this.#first.replicas;
  }

  /** All nats-servers, separated by commas. */
  get natsUrl(): string {
    return this.#first.natsUrl;
  }

  /** Of all datacenters, in the order of starting. */
  get processes(): readonly LabProcess[] {
    return this.datacenters.flatMap(({ processes }) => processes);
  }

  process(name: string): LabProcess {
    return this.#first.process(name);
  }

  /** Starts what does not run and waits until it is ready. */
  async start(name: string): Promise<void> {
    await this.#first.start(name);
  }

  pause(name: string): void {
    this.#first.pause(name);
  }

  resume(name: string): void {
    this.#first.resume(name);
  }

  /** See {@link LabDatacenter.addAgent}. */
  addAgent(agent: Parameters<LabDatacenter["addAgent"]>[0]): Promise<LabProcess> {
    return this.#first.addAgent(agent);
  }

  /** See {@link LabDatacenter.addReplica}. */
  addReplica(id: number, group?: string): Promise<LabProcess> {
    return this.#first.addReplica(id, group);
  }

  /** The links first, then all datacenters at once. */
  async startAll(): Promise<void> {
    mkdirSync(this.stateDir, { recursive: true });
    await this.#startLinks();
    if (this.#stopping !== undefined) {
      await this.#closeLinks();
      throw new LabError("the lab was stopped before it ran");
    }
    await Promise.all(this.datacenters.map((one) => one.startAll()));
  }

  /** Stops everything, callers before what they call, and makes sure that nothing is left. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  get #first(): LabDatacenter {
    return this.datacenters[0] as LabDatacenter;
  }

  async #startLinks(): Promise<void> {
    const { ports, report } = this.#parts;
    this.#links = await Links.start({
      ends: this.datacenters.map(({ name }) => ({
        name,
        port: portOf(ports, `${name}/gateway-peers`),
      })),
      portOf: (from, to) => portOf(ports, linkPortName(from, to)),
      seed: this.#options.linkSeed ?? LINK_SEED_DEFAULT,
    });
    this.#control = await startControl({ lab: this, port: portOf(ports, "control"), report });
  }

  async #closeLinks(): Promise<void> {
    const control = this.#control;
    this.#control = undefined;
    await control?.[Symbol.asyncDispose]();
    await this.#links?.close();
  }

  async #stopAll(): Promise<void> {
    await Promise.all(this.datacenters.map((one) => one.stopAll()));
    await this.#closeLinks();
    const left = await sweep(this.stateDir);
    if (left > 0) this.#parts.report(`ended ${left} processes that were left on the nodes`);
    // From here on another may use the folder.
    this.#writeLabFile();
  }

  #writeLabFile(): void {
    const { name, ...first } = this.#first.describe();
    const content: LabFile = {
      version: LAB_FILE_VERSION,
      datacenter: name,
      ...first,
      stateDir: this.stateDir,
      lab: { pid: process.pid, startTicks: startTicksOf(process.pid) ?? 0 },
      control: this.#control === undefined ? null : `${HOST}:${this.#control.port}`,
      ports: this.#parts.ports,
      datacenters: this.datacenters.map((one) => one.describe()),
      processes: this.datacenters.flatMap((one) => one.describeProcesses()),
    };
    writeLabFile(content);
  }
}

function siteOf(options: LabOptions, parts: LabParts, name: string): Site {
  const node = options.node ?? process.execPath;
  const { stateDir, names, ports } = parts;
  const others = names.filter((other) => other !== name);
  return {
    datacenter: name,
    stateDir: options.datacenters === undefined ? stateDir : join(stateDir, name),
    labDir: stateDir,
    repositoryDir: REPOSITORY_DIR,
    node,
    natsServer: findNatsServer(options.natsServer),
    natsServers: options.nats ?? NATS_SERVERS_DEFAULT,
    logLevel: options.logLevel ?? "info",
    path: `${dirname(node)}:${process.env["PATH"] ?? "/usr/bin:/bin"}`,
    ports: portsOf(ports, name),
    peers: Object.fromEntries(
      others.map((other) => [other, portOf(ports, linkPortName(name, other))]),
    ),
  };
}
