/**
 * Datacenters for people: their replicas, who leads, and how many nodes are in which state.
 */
import type { Datacenter, Replica } from "@atoll/proto/atoll/v1/datacenter";
import { shortName } from "../resource-names.ts";
import { pairs, section } from "./document.ts";
import { pauseText } from "./pause.ts";
import type { Paint } from "./style.ts";
import { table, type Cell } from "./table.ts";
import { durationMs, span } from "./time.ts";

export const DATACENTER_HEADING: readonly string[] = [
  "NAME",
  "NODES",
  "REPLICAS",
  "LEADER",
  "AGE",
  "STATES",
];

export function datacenterRow(datacenter: Datacenter): Cell[] {
  const reachable = datacenter.replicas.filter((replica) => replica.reachable).length;
  return [
    shortName(datacenter.name),
    String(datacenter.nodeCount),
    datacenter.replicas.length === 0 ? "" : `${reachable}/${datacenter.replicas.length}`,
    leaderText(datacenter),
    ageText(datacenter),
    stateCounts(datacenter),
  ];
}

export function datacenterLines(datacenter: Datacenter, nowMs: number, paint: Paint): string[] {
  const heading = [
    "REPLICA",
    "ROLE",
    "TERM",
    "COMMITTED",
    "APPLIED",
    "SNAPSHOT",
    "BUS",
    "CLOCK",
    "ADDRESS",
  ];
  const rows = datacenter.replicas.map(replicaRow);
  const replicas = rows.length === 0 ? [] : table(heading, rows, { paint, indent: "  " });
  return [
    ...pairs(
      [
        ["name", { text: shortName(datacenter.name), style: "strong" }],
        ["leader", leaderText(datacenter)],
        ["nodes", `${datacenter.nodeCount}`],
        ["states", stateCounts(datacenter)],
        ["actions", actionsText(datacenter, nowMs)],
        ["limits", limitsText(datacenter)],
        ["time in the log", timeText(datacenter)],
        ["as of event", datacenter.asOf && `#${datacenter.asOf.index}`],
        ["age", ageText(datacenter)],
      ],
      paint,
    ),
    ...section("Replicas", replicas, paint),
  ];
}

function replicaRow(replica: Replica): Cell[] {
  if (!replica.reachable) {
    const why = `${replica.address}  ${replica.reason}`;
    return [String(replica.id), { text: "unreachable", style: "bad" }, "", "", "", "", "", "", why];
  }
  return [
    String(replica.id),
    { text: replica.role, style: replica.role === "leader" ? "good" : "plain" },
    String(replica.term),
    `#${replica.commitIndex}`,
    `#${replica.appliedIndex}`,
    `#${replica.snapshotIndex}`,
    replica.busConnected ? "connected" : { text: "cut off", style: "bad" },
    clockText(replica),
    replica.address,
  ];
}

function actionsText({ pause, stormsHeld }: Datacenter, nowMs: number): Cell {
  if (pause !== undefined) return { text: pauseText(pause, nowMs), style: "warning" };
  if (stormsHeld === 0) return "running";
  const what = `healing is held in ${stormsHeld} fault domains`;
  return { text: `${what}: \`atoll storm list\` shows them`, style: "warning" };
}

/** Only where somebody has set them. */
function limitsText({ limits }: Datacenter): Cell | undefined {
  return limits?.since === undefined ? undefined : "set: `atoll limits show` tells by whom and why";
}

/** Of a wall clock that is off by less nobody needs to know. */
const TOLERANCE_MS = 5_000;

function clockText({ clockAhead }: Replica): Cell {
  if (clockAhead === undefined) return "unknown";
  const aheadMs = durationMs(clockAhead);
  return isOff(aheadMs) ? { text: offText(aheadMs), style: "bad" } : "ok";
}

/** Only where it is not that of the replicas' clocks. */
function timeText({ replicas }: Datacenter): Cell | undefined {
  const timeAhead = replicas.find(({ role }) => role === "leader")?.timeAhead;
  if (timeAhead === undefined || !isOff(durationMs(timeAhead))) return undefined;
  const text = `${offText(durationMs(timeAhead))}, and comes nearer by a tenth of what passes`;
  return { text, style: "warning" };
}

function isOff(aheadMs: number): boolean {
  return Math.abs(aheadMs) > TOLERANCE_MS;
}

function offText(aheadMs: number): string {
  return `${span(Math.abs(aheadMs))} ${aheadMs > 0 ? "ahead" : "behind"}`;
}

/** Of another datacenter the gateway does not know it. */
function leaderText(datacenter: Datacenter): string {
  if (datacenter.replicas.length === 0) return "";
  const leader = datacenter.replicas.find(
    (replica) => replica.reachable && replica.role === "leader",
  );
  return leader === undefined ? "none" : `replica ${leader.id}`;
}

function stateCounts(datacenter: Datacenter): string {
  return Object.keys(datacenter.nodesByState)
    .toSorted()
    .map((state) => `${datacenter.nodesByState[state]} ${state.toLowerCase()}`)
    .join(", ");
}

function ageText(datacenter: Datacenter): string {
  const { asOf } = datacenter;
  if (asOf?.age === undefined) return "";
  const age = span(durationMs(asOf.age));
  return asOf.stale ? `${age}, stale` : age;
}
