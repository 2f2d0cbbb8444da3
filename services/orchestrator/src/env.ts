/**
 * Reads the environment, and nothing else does.
 *
 * Collects every problem before it refuses, so that an operator mends all of them at once.
 */
import { REPLICA_ID_MAX } from "@atoll/domain";
import { type Address, EnvReader } from "@atoll/service-kit";

/**
 * The environment as text, numbers and addresses; relations between values are checked by
 * `config.ts`.
 */
export interface Environment {
  readonly datacenter: string;
  readonly replicaId: number;
  readonly replicas: ReadonlyMap<number, Address>;
  readonly dataDir: string;
  readonly natsUrl: string;
  readonly streamReplicas: number;
  readonly adminPort: number;
  /** `1`: wait to be added to a group that exists; empty: found it with the others. */
  readonly join: string;
  readonly transport: string;
  readonly logLevel: string;
}

export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const env = new EnvReader(variables);
  const environment: Environment = {
    datacenter: env.text("ATOLL_DATACENTER"),
    replicaId: env.integer("ATOLL_REPLICA_ID", { min: 1, max: REPLICA_ID_MAX }),
    replicas: env.addresses("ATOLL_REPLICAS"),
    dataDir: env.text("ATOLL_DATA_DIR"),
    natsUrl: env.text("ATOLL_NATS_URL"),
    streamReplicas: env.integer("ATOLL_STREAM_REPLICAS", { min: 1, max: 5, default: 1 }),
    adminPort: env.integer("ATOLL_ADMIN_PORT", { min: 0, max: 65_535, default: 0 }),
    join: env.text("ATOLL_JOIN", { default: "" }),
    transport: env.text("ATOLL_TRANSPORT"),
    logLevel: env.text("ATOLL_LOG_LEVEL", { default: "info" }),
  };
  env.check();
  return environment;
}
