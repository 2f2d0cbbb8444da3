/**
 * Storms for people: where, how many, since when, and whether anybody let them go.
 */
import type { Storm } from "@atoll/proto/atoll/v1/datacenter";
import type { Cell } from "./table.ts";
import { agoWithIndex } from "./time.ts";

export const STORM_HEADING: readonly string[] = [
  "FAULT DOMAIN",
  "HEALING",
  "AILING",
  "AT FIRST",
  "SHARE",
  "SINCE",
  "RELEASED",
];

export function stormRow(storm: Storm, nowMs: number): Cell[] {
  const { release } = storm;
  return [
    storm.faultDomain,
    release === undefined ? { text: "held", style: "bad" } : "goes on",
    String(storm.nodesNow),
    `${storm.nodes} of ${storm.of}`,
    `> ${storm.sharePercent} %`,
    agoWithIndex(storm.since, nowMs),
    release === undefined ? "" : `by ${release.actor}: ${release.reason}`,
  ];
}
