/**
 * Roles for people: a row each in lists, a page each in `role show`.
 */
import type { Role } from "@atoll/proto/atoll/v1/role";
import {
  DriftPolicy,
  type HealthCheck,
  type RoleMatch,
  type ServiceSpec,
} from "@atoll/proto/atoll/type/v1/role_spec";
import { shortName } from "../resource-names.ts";
import { labelText, pairs, section } from "./document.ts";
import { locationText } from "./node.ts";
import type { Paint } from "./style.ts";
import { alignRows, type Cell } from "./table.ts";
import { ago, agoWithIndex, span } from "./time.ts";

export const ROLE_HEADING: readonly string[] = [
  "NAME",
  "NODES",
  "SERVICES",
  "FILES",
  "DRIFT",
  "APPLIED",
  "FOR",
];

export function roleRow(role: Role, nowMs: number): Cell[] {
  return [
    shortName(role.name),
    String(role.nodeCount),
    String(role.spec?.services.length ?? 0),
    String(role.spec?.files.length ?? 0),
    driftText(role.spec?.drift),
    ago(role.since?.time, nowMs),
    matchText(role.spec?.match),
  ];
}

export function roleLines(role: Role, nowMs: number, paint: Paint): string[] {
  const { spec } = role;
  const services = (spec?.services ?? []).map((service): Cell[] => [
    service.name,
    service.unit === "" ? service.command.join(" ") : `unit ${service.unit}`,
    serviceRules(service),
  ]);
  const files = (spec?.files ?? []).map((file): Cell[] => [
    file.path,
    file.mode,
    `template of ${Buffer.byteLength(file.template)} bytes`,
  ]);
  return [
    ...pairs(
      [
        ["name", { text: shortName(role.name), style: "strong" }],
        ["description", spec?.description === "" ? undefined : spec?.description],
        ["for", matchText(spec?.match)],
        ["nodes", String(role.nodeCount)],
        ["drift", driftText(spec?.drift)],
        ["applied", agoWithIndex(role.since, nowMs)],
      ],
      paint,
    ),
    ...section("Services", alignRows(services, { paint, indent: "  " }), paint),
    ...section("Files", alignRows(files, { paint, indent: "  " }), paint),
  ];
}

function serviceRules(service: ServiceSpec): string {
  const rules = [healthText(service.health)];
  if (service.after.length > 0) rules.push(`after ${service.after.join(", ")}`);
  if (service.restartOn.length > 0) rules.push(`restarted on ${service.restartOn.join(", ")}`);
  return rules.join("; ");
}

function healthText(health: HealthCheck | undefined): string {
  const probe = health?.probe;
  if (health === undefined || probe === undefined) return "healthy when it runs";
  const every = `every ${span(health.intervalMs)}`;
  switch (probe.$case) {
    case "http":
      return `http ${probe.value.url} ${every}`;
    case "tcp":
      return `tcp ${probe.value.host}:${probe.value.port} ${every}`;
    case "exec":
      return `exec ${probe.value.command.join(" ")} ${every}`;
  }
}

function matchText(match: RoleMatch | undefined): string {
  if (match === undefined) return "nodes it is assigned to";
  const conditions: string[] = [];
  const labels = labelText(match.labels);
  if (labels !== "") conditions.push(`labels ${labels}`);
  const location = locationText(match.location);
  if (location !== "") conditions.push(`location ${location}`);
  const { hardware } = match;
  if (hardware?.architecture !== undefined)
    conditions.push(`architecture ${hardware.architecture}`);
  if (hardware?.coresMin !== undefined) conditions.push(`${hardware.coresMin} cores or more`);
  if (hardware?.memoryMibMin !== undefined) conditions.push(`${hardware.memoryMibMin} MiB or more`);
  if (hardware?.disksMin !== undefined) conditions.push(`${hardware.disksMin} disks or more`);
  return conditions.length === 0 ? "every node" : `nodes with ${conditions.join(" and ")}`;
}

function driftText(drift: DriftPolicy | undefined): string {
  return drift === DriftPolicy.DRIFT_POLICY_REPORT ? "report" : "restore";
}
