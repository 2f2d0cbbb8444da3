/**
 * What the gateway works with, checked: every value means something and they fit together.
 */
import { checkName, type DatacenterName } from "@atoll/domain";
import {
  type Address,
  checkTransport,
  ConfigError,
  type LogLevel,
  parseLogLevel,
  parseTransport,
  type Transport,
} from "@atoll/service-kit";
import type { Environment } from "./env.ts";
import { type FederationSettings, type Peer, PEERS_MAX } from "./peers/federation.ts";

export interface Config {
  readonly datacenter: DatacenterName;
  readonly listen: Address;
  /** At least one. */
  readonly replicas: ReadonlyMap<number, Address>;
  /** Undefined: the gateway knows its own datacenter alone. */
  readonly federation: FederationSettings | undefined;
  readonly adminPort: number;
  readonly transport: Transport;
  readonly logLevel: LogLevel;
}

/** @throws ConfigError with everything that is wrong. */
export function makeConfig(environment: Environment): Config {
  const problem = checkName("ATOLL_DATACENTER", environment.datacenter);
  if (problem !== undefined) throw new ConfigError([problem]);
  if (environment.replicas.size === 0) throw new ConfigError(["ATOLL_REPLICAS names no replica"]);
  const transport = parseTransport(environment.transport);
  for (const { text } of environment.replicas.values()) checkTransport(transport, text);
  return {
    datacenter: environment.datacenter as DatacenterName,
    listen: environment.listen,
    replicas: environment.replicas,
    federation: federationOf(environment, transport),
    adminPort: environment.adminPort,
    transport,
    logLevel: parseLogLevel(environment.logLevel),
  };
}

function federationOf(
  environment: Environment,
  transport: Transport,
): FederationSettings | undefined {
  const { peerListen, peers, peerBytesPerSecond: bytesPerSecond, dataDir } = environment;
  if (peerListen === undefined && peers.length === 0) return undefined;
  if (dataDir === "") {
    throw new ConfigError(["ATOLL_DATA_DIR is required where there are peers: it holds mirrors"]);
  }
  if (peers.length > PEERS_MAX) {
    throw new ConfigError([`ATOLL_PEERS names ${peers.length} gateways: ${PEERS_MAX} is the most`]);
  }
  return {
    listen: peerListen?.text,
    peers: peers.map((text) => parsePeer(text, transport)),
    dataDir,
    transport,
    bytesPerSecond,
  };
}

/** HOST:PORT, or DATACENTER=HOST:PORT where nobody else may answer. */
function parsePeer(text: string, transport: Transport): Peer {
  const at = text.indexOf("=");
  const address = text.slice(at + 1);
  checkTransport(transport, address);
  if (at < 0) return { address };
  const datacenter = text.slice(0, at);
  const problem = checkName("ATOLL_PEERS", datacenter);
  if (problem !== undefined) throw new ConfigError([problem]);
  return { address, datacenter };
}
