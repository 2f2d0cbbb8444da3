/**
 * Nodes for people: a row each in lists, a page each in `node show`.
 */
import { ServiceStatus } from "@atoll/proto/atoll/type/v1/observation";
import type { AgentProcess } from "@atoll/proto/atoll/type/v1/claimant";
import type { Node } from "@atoll/proto/atoll/v1/node";
import type { Location } from "@atoll/proto/atoll/type/v1/role_spec";
import { shortName } from "../resource-names.ts";
import { indentedText, labelText, pairs, section } from "./document.ts";
import { inventoryLines } from "./inventory.ts";
import type { Paint } from "./style.ts";
import { alignRows, type Cell } from "./table.ts";
import { ago, agoWithIndex } from "./time.ts";
import { fileStatusCell, nodeStateCell, serviceStatusCell } from "./words.ts";

/** Of its instance, enough to tell two apart. */
const INSTANCE_LENGTH = 8;

export const NODE_HEADING: readonly string[] = [
  "NAME",
  "STATE",
  "SINCE",
  "ROLES",
  "SERVICES",
  "LOCATION",
  "REASON",
];
/** So that rows that come later in a watch line up with the first ones. */
export const NODE_WIDTHS_MIN: readonly number[] = [8, 11, 8, 8, 8, 8];

export function nodeRow(node: Node, nowMs: number): Cell[] {
  return [
    shortName(node.name),
    nodeStateCell(node.state),
    ago(node.stateSince?.time, nowMs),
    node.roles.map(shortName).join(","),
    servicesCell(node),
    locationText(node.location),
    node.stateReason,
  ];
}

export function nodeLines(node: Node, nowMs: number, paint: Paint): string[] {
  const indent = "  ";
  const assigned = new Set(node.assignedRoles);
  const roles = node.roles.map(
    (role) => shortName(role) + (assigned.has(role) ? " (assigned)" : ""),
  );
  return [
    ...pairs(
      [
        ["name", { text: shortName(node.name), style: "strong" }],
        ["state", nodeStateCell(node.state)],
        ["reason", node.stateReason],
        ["since", agoWithIndex(node.stateSince, nowMs)],
        ["maintenance", maintenanceText(node, nowMs)],
        ["claimed by", claimantTexts(node, nowMs)],
        ["roles", roles.join(", ")],
        ["labels", labelText(node.labels)],
        ["location", locationText(node.location)],
        ["discovered", agoWithIndex(node.discovered, nowMs)],
        ["last seen change", agoWithIndex(node.presenceSince, nowMs)],
        ["agent", node.agentVersion],
        ["boot", node.bootId],
        ["incarnation", node.incarnation],
        ["resource", node.name],
      ],
      paint,
    ),
    ...section("Services", serviceLines(node, nowMs, paint, indent), paint),
    ...section("Files", fileLines(node, nowMs, paint, indent), paint),
    ...section(
      `Hardware (as of ${ago(node.inventorySince?.time, nowMs)})`,
      node.inventory === undefined ? [] : inventoryLines(node.inventory, paint),
      paint,
    ),
  ];
}

function serviceLines(node: Node, nowMs: number, paint: Paint, indent: string): string[] {
  const rows = node.services.flatMap(({ observation, since, failureCount }): Cell[][] => {
    if (observation === undefined) return [];
    const failures = failureCount > 0 ? `${failureCount} failures in a row` : "";
    const about = [observation.reason, failures].filter((text) => text !== "").join("; ");
    return [
      [
        observation.key,
        serviceStatusCell(observation.status),
        observation.pid > 0 ? `pid ${observation.pid}` : "",
        agoWithIndex(since, nowMs),
        about,
      ],
    ];
  });
  return alignRows(rows, { paint, indent });
}

function fileLines(node: Node, nowMs: number, paint: Paint, indent: string): string[] {
  return node.files.flatMap(({ observation, since }) => {
    if (observation === undefined) return [];
    const row: Cell[] = [
      observation.path,
      fileStatusCell(observation.status),
      agoWithIndex(since, nowMs),
      observation.reason,
    ];
    const line = alignRows([row], { paint, indent });
    return [...line, ...indentedText(observation.diff, `${indent}    `, paint)];
  });
}

function servicesCell(node: Node): Cell {
  if (node.services.length === 0) return "";
  const healthy = node.services.filter(
    (service) => service.observation?.status === ServiceStatus.SERVICE_STATUS_HEALTHY,
  ).length;
  const text = `${healthy}/${node.services.length}`;
  return { text, style: healthy === node.services.length ? "good" : "warning" };
}

function maintenanceText(node: Node, nowMs: number): string | undefined {
  const { maintenance } = node;
  if (maintenance === undefined) return undefined;
  const since = agoWithIndex(maintenance.since, nowMs);
  return `${maintenance.reason}, by ${maintenance.actor}, ${since}`;
}

/** Whoever speaks under its name, while there is more than one. */
function claimantTexts(node: Node, nowMs: number): string | undefined {
  const { conflict } = node;
  if (conflict === undefined) return undefined;
  const texts = conflict.claimants.flatMap(({ process }) =>
    process === undefined ? [] : [processText(process)],
  );
  return `${texts.join(" and ")}, since ${agoWithIndex(conflict.since, nowMs)}`;
}

function processText({ host, address, pid, instance }: AgentProcess): string {
  const place = address === "" ? host : `${host} at ${address}`;
  return `pid ${pid} on ${place} (instance ${instance.slice(0, INSTANCE_LENGTH)})`;
}

/** `room/rack/position`, with `-` for what is unset between parts that are set. */
export function locationText(location: Location | undefined): string {
  const parts = [location?.room, location?.rack, location?.position];
  while (parts.length > 0 && parts.at(-1) === undefined) parts.pop();
  return parts.map((part) => part ?? "-").join("/");
}
