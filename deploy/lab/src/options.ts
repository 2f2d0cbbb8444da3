/**
 * What a lab is to be: read from the command line by `main.ts`, given as values by tests.
 */
import { parseArgs } from "node:util";
import { checkName } from "@atoll/domain";
import { OperationalError } from "@atoll/service-kit";

export const STATE_DIR_DEFAULT = ".atoll";
export const PORT_BASE_DEFAULT = 7_400;
export const AGENTS_DEFAULT = 2;
export const AGENTS_MAX = 64;
/** Every port of a datacenter is less than this above its base, where the next one's begin. */
export const DATACENTER_PORTS = 1_000;
export const PORT_BASE_MAX = 64_000;
/** The one that a lab runs when none are named. */
export const DATACENTER_DEFAULT = "dc1";
export const DATACENTERS_MAX = 8;
/** One alone, or a cluster that keeps every stream on each of its three. */
export const NATS_SERVERS = [1, 3] as const;
export type NatsServers = (typeof NATS_SERVERS)[number];
export const NATS_SERVERS_DEFAULT: NatsServers = 1;
export const REPLICA_IDS = [1, 2, 3] as const;

export interface LabOptions {
  /** Where everything the lab writes is. Made when missing. */
  readonly stateDir: string;
  /**
   * The gateway's port, and the others from it; 0 for free ones, which later starts use again.
   * Default 7400.
   */
  readonly portBase?: number;
  /** Begin anew: stop what is left and delete what is there. Default false. */
  readonly fresh?: boolean;
  /**
   * Names of datacenters, each complete and in a folder of its own in the state folder, with a link
   * between each two. At most 8. Default one, dc1, in the state folder itself.
   */
  readonly datacenters?: readonly string[];
  /** Decides what a link loses that is told to lose something. Default 1. */
  readonly linkSeed?: number;
  /** Lab nodes n1, n2, … of each datacenter, from 0 to 64. Default 2. */
  readonly agents?: number;
  /** How many nats-servers in each datacenter, 1 or 3. Default 1. */
  readonly nats?: NatsServers;
  /** An agent for the machine itself, which only looks. Default true. */
  readonly machine?: boolean;
  /** Start processes again that somebody killed. Default true. */
  readonly restart?: boolean;
  /** Default the Node that runs this. */
  readonly node?: string;
  /** Default ATOLL_NATS_SERVER, else found on the PATH. */
  readonly natsServer?: string;
  readonly logLevel?: string;
  /** Takes lines about what goes on. Default: none are given. */
  readonly report?: (line: string) => void;
}

export class LabError extends OperationalError {
  override name = "LabError";

  constructor(message: string, cause?: unknown) {
    super(message, { code: "lab", cause });
  }
}

export const USAGE: string = `npm start -- [options]

  --state DIR        where everything is written (default ${STATE_DIR_DEFAULT})
  --fresh            begin anew: delete what an earlier lab left there
  --port-base N      the gateway's port, others follow; 0: free (default ${PORT_BASE_DEFAULT})
  --datacenters A,B  several, with links between them (default ${DATACENTER_DEFAULT} alone)
  --agents N         how many lab nodes in each, 0 to ${AGENTS_MAX} (default ${AGENTS_DEFAULT})
  --nats N           one nats-server in each, or a cluster of 3 (default ${NATS_SERVERS_DEFAULT})
  --no-machine       no agent for the machine itself
  --no-restart       leave killed processes dead
  --log-level L      debug, info, warn or error (default info)`;

/** Options from a command line; "help" when asked for. @throws LabError for what is wrong in it. */
export function parseOptions(words: readonly string[]): LabOptions | "help" {
  const values = parseWords(words);
  if (values.help === true) return "help";
  const datacenters = values.datacenters?.split(",");
  if (datacenters !== undefined) checkDatacenters(datacenters);
  const portBaseMax = PORT_BASE_MAX - ((datacenters?.length ?? 1) - 1) * DATACENTER_PORTS;
  return {
    stateDir: values.state ?? STATE_DIR_DEFAULT,
    portBase: wholeNumber("--port-base", values["port-base"], PORT_BASE_DEFAULT, portBaseMax),
    fresh: values.fresh === true,
    ...(datacenters === undefined ? {} : { datacenters }),
    agents: wholeNumber("--agents", values.agents, AGENTS_DEFAULT, AGENTS_MAX),
    nats: natsServers(values.nats),
    machine: values.machine !== false,
    restart: values.restart !== false,
    logLevel: values["log-level"] ?? "info",
  };
}

interface Words {
  readonly state?: string;
  readonly fresh?: boolean;
  readonly "port-base"?: string;
  readonly datacenters?: string;
  readonly agents?: string;
  readonly nats?: string;
  readonly machine?: boolean;
  readonly restart?: boolean;
  readonly "log-level"?: string;
  readonly help?: boolean;
}

function parseWords(words: readonly string[]): Words {
  try {
    return parseArgs({
      args: [...words],
      allowNegative: true,
      options: {
        state: { type: "string" },
        fresh: { type: "boolean" },
        "port-base": { type: "string" },
        datacenters: { type: "string" },
        agents: { type: "string" },
        nats: { type: "string" },
        machine: { type: "boolean" },
        restart: { type: "boolean" },
        "log-level": { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new LabError(`${(error as Error).message}\n\n${USAGE}`, error);
  }
}

/** @throws LabError for names that no lab can have. */
export function checkDatacenters(names: readonly string[]): void {
  if (names.length < 1 || names.length > DATACENTERS_MAX) {
    throw new LabError(`a lab has 1 to ${DATACENTERS_MAX} datacenters, not ${names.length}`);
  }
  for (const [at, name] of names.entries()) {
    const problem = checkName("datacenter", name);
    if (problem !== undefined) throw new LabError(problem);
    if (names.indexOf(name) !== at) throw new LabError(`two datacenters are called ${name}`);
    if (!STATE_ENTRIES.includes(name)) continue;
    throw new LabError(`no datacenter can be called ${name}: the lab has a folder of that name`);
  }
}

function natsServers(text: string | undefined): NatsServers {
  if (text === undefined) return NATS_SERVERS_DEFAULT;
  const value = NATS_SERVERS.find((count) => String(count) === text);
  if (value !== undefined) return value;
  throw new LabError(`--nats ${JSON.stringify(text)}: allowed are ${NATS_SERVERS.join(" and ")}`);
}

function wholeNumber(
  option: string,
  text: string | undefined,
  byDefault: number,
  maximum: number,
): number {
  if (text === undefined) return byDefault;
  const value = /^\d+$/.test(text) ? Number(text) : NaN;
  if (value <= maximum) return value;
  throw new LabError(`${option} ${JSON.stringify(text)}: allowed is a number from 0 to ${maximum}`);
}

/** What the nats-servers of a lab are called. */
export function natsNames(count: NatsServers): readonly string[] {
  if (count === 1) return ["nats"];
  return Array.from({ length: count }, (_, at) => `nats-${at + 1}`);
}

/** What a datacenter has in its folder; nothing else is ever deleted. */
export const STATE_ENTRIES: readonly string[] = ["gateway", "agents", "logs", "lab.json"].concat(
  NATS_SERVERS.flatMap(natsNames),
  REPLICA_IDS.map((id) => `orchestrator-${id}`),
);
