/**
 * What the agent works with, checked: every value means something and they fit together.
 */
import { isAbsolute, resolve } from "node:path";
import { checkLabels, checkName, type DatacenterName, type NodeName } from "@atoll/domain";
import {
  ConfigError,
  isLoopback,
  type LogLevel,
  parseLogLevel,
  parseTransport,
} from "@atoll/service-kit/process";
import type { Environment } from "./env.ts";

export interface Config {
  readonly datacenter: DatacenterName;
  readonly node: NodeName;
  readonly natsUrl: string;
  /** Absolute. */
  readonly dataDir: string;
  /** Absolute; managed files lie below it. */
  readonly rootDir: string;
  /** `observe`: looks only, refuses every order. */
  readonly mode: "act" | "observe";
  readonly labels: Readonly<Record<string, string>>;
  readonly stopServicesOnExit: boolean;
  readonly adminPort: number;
  readonly logLevel: LogLevel;
  /** Where to say what it took in and took on; undefined for nowhere. */
  readonly recordFile: string | undefined;
}

/** @throws ConfigError with everything that is wrong. */
export function makeConfig(environment: Environment): Config {
  const problems: string[] = [];
  const note = (problem: string | undefined): void => {
    if (problem !== undefined) problems.push(problem);
  };
  note(checkName("ATOLL_DATACENTER", environment.datacenter));
  note(checkName("ATOLL_NODE", environment.node));
  checkLabels(environment.labels, (_path, reason) => note(`ATOLL_LABELS: ${reason}`));
  for (const url of environment.natsUrl.split(",")) note(checkNatsUrl(url.trim()));
  if (!isAbsolute(environment.rootDir)) note(`ATOLL_ROOT_DIR must be an absolute path`);
  if (problems.length > 0) throw new ConfigError(problems);
  parseTransport(environment.transport);
  return {
    datacenter: environment.datacenter as DatacenterName,
    node: environment.node as NodeName,
    natsUrl: environment.natsUrl,
    dataDir: resolve(environment.dataDir),
    rootDir: resolve(environment.rootDir),
    mode: environment.mode,
    labels: environment.labels,
    stopServicesOnExit: environment.onExit === "stop-services",
    adminPort: environment.adminPort,
    logLevel: parseLogLevel(environment.logLevel),
    recordFile: environment.recordFile === "" ? undefined : resolve(environment.recordFile),
  };
}

/** Plaintext is for loopback only. */
function checkNatsUrl(text: string): string | undefined {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return `ATOLL_NATS_URL: ${JSON.stringify(text)} is not nats://HOST:PORT`;
  }
  if (url.protocol !== "nats:" || url.hostname === "") {
    return `ATOLL_NATS_URL: ${JSON.stringify(text)} is not nats://HOST:PORT`;
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (isLoopback(host)) return undefined;
  return `ATOLL_NATS_URL: ${host} is not a loopback address: insecure-for-lab allows no other`;
}
