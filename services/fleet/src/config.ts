/**
 * What one run works with, checked: site, scenario, form of the report.
 *
 * Options win over a file, and over the environment.
 */
import { readFileSync } from "node:fs";
import { checkName } from "@atoll/domain";
import { ConfigError, isLoopback } from "@atoll/service-kit/process";
import type { FleetEnvironment } from "./env.ts";
import { AGENTS_PER_WORKER_MAX } from "./load/coordinator.ts";
import { parseScenario, readScenarioText } from "./scenario/parse-scenario.ts";
import { FIELD_NAMES, keyOf, type Scenario } from "./scenario/scenario.ts";

/** What commander gives. */
export type FleetOptions = Readonly<Record<string, unknown>>;

export type OutputFormat = "text" | "json";

export interface Config {
  readonly natsUrl: string;
  readonly datacenter: string;
  readonly scenario: Scenario;
  readonly output: OutputFormat;
}

const SCENARIO_BYTES_MAX = 65_536;
/** Beside the connections. */
const OTHER_FILES = 100;

/** @throws ConfigError with everything that is wrong. */
export function makeConfig(options: FleetOptions, environment: FleetEnvironment): Config {
  const problems: string[] = [];
  const natsUrl = textOf(options["nats"]) ?? environment.natsUrl ?? "";
  const datacenter = textOf(options["datacenter"]) ?? environment.datacenter ?? "";
  const output = options["output"] ?? "text";
  for (const url of natsUrl.split(",")) checkNatsUrl(url.trim(), problems);
  const badName = checkName("--datacenter (ATOLL_DATACENTER)", datacenter);
  if (badName !== undefined) problems.push(badName);
  if (output !== "text" && output !== "json") problems.push("--output: allowed are text, json");
  let scenario: Scenario | undefined;
  try {
    scenario = parseScenario({ ...readScenario(options["scenario"]), ...scenarioOptions(options) });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
  }
  const { openFilesMax = Number.POSITIVE_INFINITY } = environment;
  const connections = Math.min(scenario?.agents ?? 0, AGENTS_PER_WORKER_MAX);
  if (connections + OTHER_FILES > openFilesMax) {
    problems.push(`${connections} connections need ulimit -n ${connections + OTHER_FILES} or more`);
  }
  if (problems.length > 0 || scenario === undefined) throw new ConfigError(problems);
  return { natsUrl, datacenter, scenario, output: output as OutputFormat };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function readScenario(path: unknown): Readonly<Record<string, unknown>> {
  if (typeof path !== "string") return {};
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError([`--scenario: ${(error as Error).message}`]);
  }
  if (text.length > SCENARIO_BYTES_MAX) {
    throw new ConfigError([`--scenario: ${path} is larger than ${SCENARIO_BYTES_MAX} bytes`]);
  }
  return readScenarioText(text, path);
}

function scenarioOptions(options: FleetOptions): Readonly<Record<string, unknown>> {
  const given = FIELD_NAMES.map(keyOf).filter((key) => options[key] !== undefined);
  return Object.fromEntries(given.map((key) => [key, options[key]]));
}

/** Plaintext is for loopback only. */
function checkNatsUrl(text: string, problems: string[]): void {
  const shown = JSON.stringify(text);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.protocol !== "nats:" || url.hostname === "") {
    problems.push(`--nats (ATOLL_NATS_URL): ${shown} is not nats://HOST:PORT`);
    return;
  }
  if (isLoopback(url.hostname.replace(/^\[|\]$/g, ""))) return;
  problems.push(`--nats: ${url.hostname} is not a loopback address, and connections are plain`);
}
