/**
 * Specifications of roles, domain ⇄ proto.
 *
 * Two ways in. What is in the log or in an order is complete and taken as it is. What a user sent
 * may leave things out and name what does not exist: defaults are put in, and the rest is kept for
 * `checkRoles` to refuse with the place and what is allowed.
 */
import type {
  FileSpec,
  HardwareMatch,
  HealthCheck,
  HealthProbe,
  Location,
  RoleMatch,
  RoleName,
  RoleSpec,
  ServiceName,
  ServiceSpec,
} from "@atoll/domain";
import type {
  FileSpec as ProtoFileSpec,
  HardwareMatch as ProtoHardwareMatch,
  HealthCheck as ProtoHealthCheck,
  Location as ProtoLocation,
  RoleMatch as ProtoRoleMatch,
  RoleSpec as ProtoRoleSpec,
  ServiceSpec as ProtoServiceSpec,
} from "@atoll/proto/atoll/type/v1/role_spec";
import { DecodeError } from "./decode-error.ts";
import { sortedRecord } from "./sorted-record.ts";
import { driftPolicies, serviceDrivers } from "./words.ts";

/** What is put in where a user wrote nothing. */
export const ROLE_DEFAULTS = {
  mode: "0644",
  stopTimeoutMs: 10_000,
  intervalMs: 1_000,
  timeoutMs: 1_000,
  healthyAfter: 1,
  unhealthyAfter: 3,
} as const;

export function toProtoRoleSpec(role: RoleSpec): ProtoRoleSpec {
  return {
    name: role.name,
    description: role.description,
    ...(role.match === undefined ? {} : { match: toMatch(role.match) }),
    drift: driftPolicies.numberOf(role.drift),
    files: role.files.map(toFile),
    services: role.services.map(toService),
  };
}

/** For the log: throws {@link DecodeError} on what this release does not know. */
export function fromProtoRoleSpec(role: ProtoRoleSpec): RoleSpec {
  return {
    name: role.name as RoleName,
    description: role.description,
    ...(role.match === undefined ? {} : { match: fromMatch(role.match) }),
    drift: driftPolicies.wordOf(role.drift),
    files: role.files.map(fromFile),
    services: role.services.map((service) =>
      fromService(service, serviceDrivers.wordOf(service.driver), fromProtoHealthCheck),
    ),
  };
}

/** For users' input: takes anything, puts in the defaults; `checkRoles` refuses the rest. */
export function fromUserRoleSpec(role: ProtoRoleSpec): RoleSpec {
  return {
    name: role.name as RoleName,
    description: role.description,
    ...(role.match === undefined ? {} : { match: fromMatch(role.match) }),
    drift: driftPolicies.wordOrNumber(role.drift, "restore"),
    files: role.files.map((file) => ({ ...fromFile(file), mode: file.mode || ROLE_DEFAULTS.mode })),
    services: role.services.map((service) => {
      const unset = service.unit === "" ? "process" : "systemd";
      const driver = serviceDrivers.wordOrNumber(service.driver, unset);
      const spec = fromService(service, driver, fromUserHealthCheck);
      return { ...spec, stopTimeoutMs: spec.stopTimeoutMs || ROLE_DEFAULTS.stopTimeoutMs };
    }),
  };
}

export function toProtoLocation({ room, rack, position }: Location): ProtoLocation {
  return {
    ...(room === undefined ? {} : { room }),
    ...(rack === undefined ? {} : { rack }),
    ...(position === undefined ? {} : { position }),
  };
}

/** Absent: nothing is set. */
export function fromProtoLocation(location: ProtoLocation | undefined): Location {
  const { room, rack, position } = location ?? {};
  return {
    ...(room === undefined ? {} : { room }),
    ...(rack === undefined ? {} : { rack }),
    ...(position === undefined ? {} : { position }),
  };
}

export function toProtoHealthCheck(health: HealthCheck): ProtoHealthCheck {
  const { intervalMs, timeoutMs, healthyAfter, unhealthyAfter } = health;
  const probe = toProbe(health.probe);
  return {
    ...(probe === undefined ? {} : { probe }),
    intervalMs,
    timeoutMs,
    healthyAfter,
    unhealthyAfter,
  };
}

export function fromProtoHealthCheck(health: ProtoHealthCheck): HealthCheck {
  const probe = fromProbe(health);
  if (probe === undefined) throw new DecodeError("a health check has no probe");
  const { intervalMs, timeoutMs, healthyAfter, unhealthyAfter } = health;
  return { probe, intervalMs, timeoutMs, healthyAfter, unhealthyAfter };
}

function fromUserHealthCheck(health: ProtoHealthCheck): HealthCheck {
  return {
    // A check without a probe is kept as one that no probe is, for `checkRoles` to refuse.
    probe: fromProbe(health) ?? ({ type: "none" } as unknown as HealthProbe),
    intervalMs: health.intervalMs || ROLE_DEFAULTS.intervalMs,
    timeoutMs: health.timeoutMs || ROLE_DEFAULTS.timeoutMs,
    healthyAfter: health.healthyAfter || ROLE_DEFAULTS.healthyAfter,
    unhealthyAfter: health.unhealthyAfter || ROLE_DEFAULTS.unhealthyAfter,
  };
}

function toMatch({ labels, location, hardware }: RoleMatch): ProtoRoleMatch {
  return {
    labels: sortedRecord(labels),
    location: toProtoLocation(location),
    hardware: copyHardware(hardware),
  };
}

function fromMatch({ labels, location, hardware }: ProtoRoleMatch): RoleMatch {
  return {
    labels,
    location: fromProtoLocation(location),
    hardware: copyHardware((hardware ?? {}) as HardwareMatch),
  };
}

function copyHardware({
  architecture,
  coresMin,
  memoryMibMin,
  disksMin,
}: HardwareMatch): HardwareMatch & ProtoHardwareMatch {
  return {
    ...(architecture === undefined ? {} : { architecture }),
    ...(coresMin === undefined ? {} : { coresMin }),
    ...(memoryMibMin === undefined ? {} : { memoryMibMin }),
    ...(disksMin === undefined ? {} : { disksMin }),
  };
}

function toFile({ path, mode, owner, group, template }: FileSpec): ProtoFileSpec {
  return {
    path,
    mode,
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
    template,
  };
}

function fromFile({ path, mode, owner, group, template }: ProtoFileSpec): FileSpec {
  return {
    path,
    mode,
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
    template,
  };
}

function toService(service: ServiceSpec): ProtoServiceSpec {
  return {
    name: service.name,
    driver: serviceDrivers.numberOf(service.driver),
    command: service.command,
    unit: service.unit,
    environment: sortedRecord(service.environment),
    after: service.after,
    restartOn: service.restartOn,
    ...(service.health === undefined ? {} : { health: toProtoHealthCheck(service.health) }),
    stopTimeoutMs: service.stopTimeoutMs,
  };
}

function fromService(
  service: ProtoServiceSpec,
  driver: ServiceSpec["driver"],
  fromHealth: (health: ProtoHealthCheck) => HealthCheck,
): ServiceSpec {
  return {
    name: service.name as ServiceName,
    driver,
    command: service.command,
    unit: service.unit,
    environment: service.environment,
    after: service.after as readonly ServiceName[],
    restartOn: service.restartOn,
    ...(service.health === undefined ? {} : { health: fromHealth(service.health) }),
    stopTimeoutMs: service.stopTimeoutMs,
  };
}

function toProbe(probe: HealthProbe): ProtoHealthCheck["probe"] {
  switch (probe.type) {
    case "http":
      return { $case: "http", value: { url: probe.url } };
    case "tcp":
      return { $case: "tcp", value: { host: probe.host, port: probe.port } };
    case "exec":
      return { $case: "exec", value: { command: probe.command } };
    default:
      return undefined;
  }
}

function fromProbe({ probe }: ProtoHealthCheck): HealthProbe | undefined {
  switch (probe?.$case) {
    case "http":
      return { type: "http", url: probe.value.url };
    case "tcp":
      return { type: "tcp", host: probe.value.host, port: probe.value.port };
    case "exec":
      return { type: "exec", command: probe.value.command };
    case undefined:
      return undefined;
  }
}
