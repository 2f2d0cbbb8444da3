/**
 * The gateway's settings as environment variables, and the only reader of them.
 */
import { type Address, EnvReader } from "@atoll/service-kit";

export interface Environment {
  readonly datacenter: string;
  readonly listen: Address;
  /** Where each replica of the datacenter's orchestrator serves. */
  readonly replicas: ReadonlyMap<number, Address>;
  /** Where gateways of other datacenters may dial; undefined: nowhere. */
  readonly peerListen: Address | undefined;
  /** Where gateways of other datacenters are dialled: HOST:PORT or DATACENTER=HOST:PORT. */
  readonly peers: readonly string[];
  /** What may be sent over one link to a peer; 0 for no limit. */
  readonly peerBytesPerSecond: number;
  /** Where mirrors of other datacenters are kept. */
  readonly dataDir: string;
  readonly adminPort: number;
  readonly transport: string;
  readonly logLevel: string;
}

const PORT_MAX = 65_535;
/** Slower, a frame takes longer than a silence that ends a link. */
const BYTES_PER_SECOND_MIN = 65_536;
const BYTES_PER_SECOND_MAX = 100_000_000_000;

/** @throws ConfigError naming each variable that is wrong. */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const env = new EnvReader(variables);
  const environment: Environment = {
    datacenter: env.text("ATOLL_DATACENTER"),
    listen: env.address("ATOLL_LISTEN", { default: "127.0.0.1:7400" }),
    replicas: env.addresses("ATOLL_REPLICAS"),
    peerListen: variables["ATOLL_PEER_LISTEN"] ? env.address("ATOLL_PEER_LISTEN") : undefined,
    peers: env.list("ATOLL_PEERS"),
    peerBytesPerSecond: env.integer("ATOLL_PEER_BYTES_PER_SECOND", {
      min: 0,
      max: BYTES_PER_SECOND_MAX,
      default: 0,
    }),
    dataDir: env.text("ATOLL_DATA_DIR", { default: "" }),
    adminPort: env.integer("ATOLL_ADMIN_PORT", { min: 0, max: PORT_MAX, default: 0 }),
    transport: env.text("ATOLL_TRANSPORT"),
    logLevel: env.text("ATOLL_LOG_LEVEL", { default: "info" }),
  };
  const { peerBytesPerSecond: rate } = environment;
  if (rate !== 0 && rate < BYTES_PER_SECOND_MIN) {
    env.problem(
      `ATOLL_PEER_BYTES_PER_SECOND="${rate}": 0 for no bound, else ${BYTES_PER_SECOND_MIN} or more`,
    );
  }
  env.check();
  return environment;
}
