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

export interface Config {
  readonly datacenter: DatacenterName;
  readonly listen: Address;
  /** At least one. */
  readonly replicas: ReadonlyMap<number, Address>;
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
    adminPort: environment.adminPort,
    transport,
    logLevel: parseLogLevel(environment.logLevel),
  };
}
