/**
 * A lab for people: its datacenters, and each direction of the links between them.
 */
import type { Lab, LabLane } from "@atoll/proto/atoll/lab/v1/lab";
import { bytesText } from "./document.ts";
import { table, type Cell, type TableOptions } from "./table.ts";

const PPM_PER_PERCENT = 10_000;
const RATE_UNITS = [
  ["gbit", 125_000_000],
  ["mbit", 125_000],
  ["kbit", 125],
] as const;

export function labLines(lab: Lab, options: TableOptions): string[] {
  const datacenters = table(
    ["DATACENTER", "GATEWAY", "PROCESSES"],
    lab.datacenters.map(({ name, gateway, processes }) => {
      const away = processes.filter(({ state }) => state !== "ready");
      const text = [
        `${processes.length - away.length} of ${processes.length} ready`,
        ...away.map((one) => `${one.name} ${one.state}`),
      ].join(", ");
      return [name, gateway, { text, style: away.length === 0 ? "good" : "warning" }];
    }),
    options,
  );
  if (lab.lanes.length === 0) return datacenters;
  const heading = ["FROM", "TO", "LINK", "DELAY", "LOSS", "BANDWIDTH", "CONNECTIONS", "CARRIED"];
  return [...datacenters, "", ...table(heading, lab.lanes.map(laneRow), options)];
}

function laneRow(lane: LabLane): Cell[] {
  return [
    lane.from,
    lane.to,
    lane.cut ? { text: "cut", style: "bad" } : { text: "open", style: "good" },
    lane.delayMs === 0 ? "" : `${lane.delayMs}ms`,
    lane.lossPpm === 0 ? "" : `${lane.lossPpm / PPM_PER_PERCENT}%`,
    lane.bytesPerSecond === 0 ? "" : rateText(lane.bytesPerSecond),
    String(lane.connections),
    bytesText(lane.carriedBytes),
  ];
}

/** As the command takes it, in the largest unit that it fills. */
function rateText(bytesPerSecond: number): string {
  const [unit, bytes] = RATE_UNITS.find(([, size]) => bytesPerSecond >= size) ?? RATE_UNITS[2];
  return `${Number((bytesPerSecond / bytes).toFixed(3))}${unit}`;
}
