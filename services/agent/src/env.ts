/**
 * The agent's settings as environment variables, and the only reader of them.
 */
import os from "node:os";
import { EnvReader } from "@atoll/service-kit/process";

export interface Environment {
  readonly datacenter: string;
  readonly node: string;
  readonly natsUrl: string;
  readonly dataDir: string;
  readonly rootDir: string;
  readonly mode: "act" | "observe";
  readonly labels: Readonly<Record<string, string>>;
  readonly onExit: "leave-services" | "stop-services";
  readonly adminPort: number;
  readonly transport: string;
  readonly logLevel: string;
  readonly recordFile: string;
}

const PORT_MAX = 65_535;

/** @throws ConfigError naming each variable that is wrong. */
export function readEnvironment(variables: NodeJS.ProcessEnv): Environment {
  const env = new EnvReader(variables);
  const environment: Environment = {
    datacenter: env.text("ATOLL_DATACENTER"),
    node: env.text("ATOLL_NODE", { default: firstLabel(os.hostname()) }),
    natsUrl: env.text("ATOLL_NATS_URL"),
    dataDir: env.text("ATOLL_DATA_DIR"),
    rootDir: env.text("ATOLL_ROOT_DIR", { default: "/" }),
    mode: env.choice("ATOLL_MODE", ["act", "observe"], { default: "act" }),
    labels: env.pairs("ATOLL_LABELS"),
    onExit: env.choice("ATOLL_ON_EXIT", ["leave-services", "stop-services"], {
      default: "leave-services",
    }),
    adminPort: env.integer("ATOLL_ADMIN_PORT", { min: 0, max: PORT_MAX, default: 0 }),
    transport: env.text("ATOLL_TRANSPORT"),
    logLevel: env.text("ATOLL_LOG_LEVEL", { default: "info" }),
    recordFile: env.text("ATOLL_RECORD_FILE", { default: "" }),
  };
  env.check();
  return environment;
}

function firstLabel(hostName: string): string {
  return hostName.split(".")[0]?.toLowerCase() ?? "";
}
