/**
 * The gateway's settings as environment variables, and the only reader of them.
 */
import { type Address, EnvReader } from "@atoll/service-kit";

export interface Environment {
  readonly datacenter: string;
  readonly listen: Address;
  /** Where each replica of the datacenter's orchestrator serves. */
  readonly replicas: ReadonlyMap<number, Address>;
  readonly adminPort: number;
  readonly transport: string;
  readonly logLevel: string;
}

const PORT_MAX = 65_535;

/** @throws ConfigError naming each variable that is wrong. */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const env = new EnvReader(variables);
  const environment: Environment = {
    datacenter: env.text("ATOLL_DATACENTER"),
    listen: env.address("ATOLL_LISTEN", { default: "127.0.0.1:7400" }),
    replicas: env.addresses("ATOLL_REPLICAS"),
    adminPort: env.integer("ATOLL_ADMIN_PORT", { min: 0, max: PORT_MAX, default: 0 }),
    transport: env.text("ATOLL_TRANSPORT"),
    logLevel: env.text("ATOLL_LOG_LEVEL", { default: "info" }),
  };
  env.check();
  return environment;
}
