/**
 * One YAML mapping as the specification of a role.
 *
 * Only the shape is checked here: keys, types, and what must be there. Names, ranges and references
 * are the domain's business, where all roles are known.
 */
import {
  DriftPolicy,
  type FileSpec,
  type HealthCheck,
  type RoleMatch,
  type RoleSpec,
  ServiceDriver,
  type ServiceSpec,
} from "@atoll/proto/atoll/type/v1/role_spec";
import { isMap, isScalar } from "yaml";
import { type YamlContext, YamlFields } from "./yaml-fields.ts";

const DRIFT = {
  restore: DriftPolicy.DRIFT_POLICY_RESTORE,
  report: DriftPolicy.DRIFT_POLICY_REPORT,
} as const;
const DRIVERS = {
  process: ServiceDriver.SERVICE_DRIVER_PROCESS,
  systemd: ServiceDriver.SERVICE_DRIVER_SYSTEMD,
} as const;
const TCP_HOST_DEFAULT = "127.0.0.1";

/** undefined, with complaints, when it is no role at all. */
export function readRole(context: YamlContext, value: unknown): RoleSpec | undefined {
  const fields = YamlFields.of(context, value, "a role");
  if (fields === undefined) return undefined;
  const kind = fields.requiredText("kind");
  if (kind !== "Role" && kind !== "") {
    fields.complain(
      fields.value("kind"),
      `kind is ${JSON.stringify(kind.slice(0, 64))}: allowed is Role`,
    );
  }
  const drift = fields.choice("drift", ["restore", "report"]);
  const role: RoleSpec = {
    name: fields.requiredText("name"),
    description: fields.text("description") ?? "",
    match: readMatch(fields.fields("match")),
    drift: drift === undefined ? DriftPolicy.DRIFT_POLICY_UNSPECIFIED : DRIFT[drift],
    files: fields.items("files").flatMap((item) => readFile(context, item)),
    services: fields.items("services").flatMap((item) => readService(context, item)),
  };
  fields.close();
  return role;
}

function readMatch(fields: YamlFields | undefined): RoleMatch | undefined {
  if (fields === undefined) return undefined;
  const labels = fields.record("labels");
  const location = fields.fields("location");
  const hardware = fields.fields("hardware");
  const match: RoleMatch = {
    labels,
    location: {
      room: location?.text("room"),
      rack: location?.text("rack"),
      position: location?.text("position"),
    },
    hardware: {
      architecture: hardware?.text("architecture"),
      coresMin: hardware?.integer("coresMin"),
      memoryMibMin: hardware?.integer("memoryMibMin"),
      disksMin: hardware?.integer("disksMin"),
    },
  };
  location?.close();
  hardware?.close();
  fields.close();
  return match;
}

function readFile(context: YamlContext, value: unknown): FileSpec[] {
  const fields = YamlFields.of(context, value, "a file");
  if (fields === undefined) return [];
  const file: FileSpec = {
    path: fields.requiredText("path"),
    mode: fields.text("mode") ?? "",
    owner: fields.text("owner"),
    group: fields.text("group"),
    template: fields.requiredText("template"),
  };
  fields.close();
  return [file];
}

function readService(context: YamlContext, value: unknown): ServiceSpec[] {
  const fields = YamlFields.of(context, value, "a service");
  if (fields === undefined) return [];
  const name = fields.requiredText("name");
  const driver = fields.choice("driver", ["process", "systemd"]);
  const service: ServiceSpec = {
    name,
    driver: driver === undefined ? ServiceDriver.SERVICE_DRIVER_UNSPECIFIED : DRIVERS[driver],
    command: fields.texts("command"),
    unit: fields.text("unit") ?? "",
    environment: fields.record("environment"),
    after: fields.texts("after"),
    restartOn: fields.texts("restartOn"),
    health: readHealth(fields.fields("health")),
    stopTimeoutMs: fields.integer("stopTimeoutMs") ?? 0,
  };
  fields.close();
  return [service];
}

function readHealth(fields: YamlFields | undefined): HealthCheck | undefined {
  if (fields === undefined) return undefined;
  const probes = [readHttp(fields), readTcp(fields), readExec(fields)].filter(
    (probe) => probe !== undefined,
  );
  if (probes.length !== 1) {
    fields.complain(fields.map, "health needs exactly one of http, tcp, exec");
  }
  const health: HealthCheck = {
    probe: probes[0],
    intervalMs: fields.integer("intervalMs") ?? 0,
    timeoutMs: fields.integer("timeoutMs") ?? 0,
    healthyAfter: fields.integer("healthyAfter") ?? 0,
    unhealthyAfter: fields.integer("unhealthyAfter") ?? 0,
  };
  fields.close();
  return health;
}

/** `http: URL` or `http: { url: URL }`. */
function readHttp(fields: YamlFields): HealthCheck["probe"] {
  const value = fields.value("http");
  if (value === undefined) return undefined;
  if (!isMap(value)) return { $case: "http", value: { url: fields.text("http") ?? "" } };
  const inner = fields.fields("http");
  const url = inner?.requiredText("url") ?? "";
  inner?.close();
  return { $case: "http", value: { url } };
}

/** `tcp: PORT` or `tcp: { host: HOST, port: PORT }`. */
function readTcp(fields: YamlFields): HealthCheck["probe"] {
  const value = fields.value("tcp");
  if (value === undefined) return undefined;
  if (!isMap(value)) {
    return { $case: "tcp", value: { host: TCP_HOST_DEFAULT, port: fields.text("tcp") ?? "" } };
  }
  const inner = fields.fields("tcp");
  const host = inner?.text("host") ?? TCP_HOST_DEFAULT;
  const port = inner?.requiredText("port") ?? "";
  inner?.close();
  return { $case: "tcp", value: { host, port } };
}

/** `exec: [PROGRAM, ARGUMENT, …]`. */
function readExec(fields: YamlFields): HealthCheck["probe"] {
  const value = fields.value("exec");
  if (value === undefined) return undefined;
  if (isScalar(value)) {
    fields.complain(value, "exec must be a list: the program, then its arguments");
    return { $case: "exec", value: { command: [] } };
  }
  return { $case: "exec", value: { command: fields.textsOf("exec", value) } };
}
