/**
 * The environment, made sense of: relations checked, nothing repaired.
 */
import { checkName, type DatacenterName } from "@atoll/domain";
import {
  type Address,
  ConfigError,
  type LogLevel,
  parseLogLevel,
  parseTransport,
  type Transport,
} from "@atoll/service-kit";
import type { ReplicaId } from "raft-ts";
import type { Environment } from "./env.ts";

export interface Config {
  readonly datacenter: DatacenterName;
  readonly replicaId: ReplicaId;
  /**
   * Where each replica serves, this one included: the group as it was founded (1, 3 or 5 of them),
   * or, for one that joins, those that can tell it more.
   */
  readonly replicas: ReadonlyMap<ReplicaId, Address>;
  /** It waits to be added to a group that exists; its folder is empty at first. */
  readonly join: boolean;
  readonly listen: Address;
  readonly dataDir: string;
  /** `nats://HOST:PORT`, several separated by commas. */
  readonly natsUrl: string;
  /** On how many of these servers the stream of facts lies: 1, 3 or 5. */
  readonly streamReplicas: number;
  readonly adminPort: number;
  readonly transport: Transport;
  readonly logLevel: LogLevel;
}

const GROUP_SIZES: readonly number[] = [1, 3, 5];
const STREAM_REPLICAS: readonly number[] = [1, 3, 5];

/** @throws ConfigError with every problem found. */
export function makeConfig(environment: Environment): Config {
  const { datacenter, replicaId, replicas, streamReplicas } = environment;
  const problems: string[] = [];
  const nameProblem = checkName("ATOLL_DATACENTER", datacenter);
  if (nameProblem !== undefined) problems.push(nameProblem);
  const joins = environment.join === "1";
  if (!joins && environment.join !== "") {
    problems.push(`ATOLL_JOIN is ${environment.join}: allowed are 1 and nothing`);
  }
  if (joins && replicas.size < 2) {
    problems.push("ATOLL_REPLICAS names no other replica: one that joins needs one to ask");
  }
  if (!joins && !GROUP_SIZES.includes(replicas.size)) {
    problems.push(`ATOLL_REPLICAS holds ${replicas.size} replicas: allowed are 1, 3 or 5`);
  }
  if (!STREAM_REPLICAS.includes(streamReplicas)) {
    problems.push(`ATOLL_STREAM_REPLICAS is ${streamReplicas}: allowed are 1, 3 or 5`);
  }
  const listen = replicas.get(replicaId);
  if (listen === undefined) {
    problems.push(`ATOLL_REPLICA_ID is ${replicaId}, which ATOLL_REPLICAS does not hold`);
  }
  if (problems.length > 0 || listen === undefined) throw new ConfigError(problems);
  return {
    datacenter: datacenter as DatacenterName,
    replicaId,
    replicas,
    join: joins,
    listen,
    dataDir: environment.dataDir,
    natsUrl: environment.natsUrl,
    streamReplicas,
    adminPort: environment.adminPort,
    transport: parseTransport(environment.transport),
    logLevel: parseLogLevel(environment.logLevel),
  };
}
