/**
 * Reads a role from the lines of a transcript.
 *
 * For tests of the planner only; users write YAML.
 */
import type {
  FileSpec,
  HardwareMatch,
  HealthCheck,
  RoleMatch,
  RoleName,
  RoleSpec,
  ServiceName,
  ServiceSpec,
} from "@atoll/domain";
import { assert } from "@atoll/stdx";

/** Lines: `match …`, `drift report`, `file PATH TEXT`, `service NAME key=value …`. */
export function parseRole(name: string, lines: readonly string[]): RoleSpec {
  const files: FileSpec[] = [];
  const services: ServiceSpec[] = [];
  let match: RoleMatch | undefined;
  let drift: RoleSpec["drift"] = "restore";
  for (const line of lines) {
    const [verb, subject = "", ...words] = line.split(" ");
    if (verb === "match") match = parseMatch([subject, ...words]);
    else if (verb === "drift") drift = subject === "report" ? "report" : "restore";
    else if (verb === "file") files.push(fileOf(subject, words.join(" ")));
    else if (verb === "service") services.push(parseService(subject, words));
    else assert(false, `no line of a role: ${line}`);
  }
  const role = { name: name as RoleName, description: "", drift, files, services };
  return match === undefined ? role : { ...role, match };
}

function fileOf(path: string, template: string): FileSpec {
  return { path, mode: "0644", template };
}

function parseMatch(words: readonly string[]): RoleMatch {
  const labels: Record<string, string> = {};
  const location: Record<string, string> = {};
  const hardware: Record<string, string | number> = {};
  for (const word of words.filter((part) => part !== "")) {
    const [key = "", value = ""] = word.split("=");
    if (key === "room" || key === "rack" || key === "position") location[key] = value;
    else if (key === "architecture") hardware[key] = value;
    else if (key.endsWith("Min")) hardware[key] = Number(value);
    else labels[key] = value;
  }
  return { labels, location, hardware: hardware as HardwareMatch };
}

function parseService(name: string, words: readonly string[]): ServiceSpec {
  const given = new Map(words.map((word) => word.split("=") as [string, string]));
  const list = (key: string): string[] => given.get(key)?.split(",") ?? [];
  const http = given.get("http");
  return {
    name: name as ServiceName,
    driver: "process",
    command: ["/bin/run", name, ...list("args")],
    unit: "",
    environment: given.has("env") ? { VALUE: given.get("env") as string } : {},
    after: list("after") as ServiceName[],
    restartOn: list("restartOn"),
    ...(http === undefined ? {} : { health: httpHealth(http) }),
    stopTimeoutMs: Number(given.get("stopTimeoutMs") ?? 10_000),
  };
}

function httpHealth(url: string): HealthCheck {
  return {
    probe: { type: "http", url },
    intervalMs: 1_000,
    timeoutMs: 1_000,
    healthyAfter: 1,
    unhealthyAfter: 3,
  };
}
