/**
 * The facts that templates may name, and what they are on a given node.
 *
 * The list is closed, so that a misspelt fact is refused when the role is applied and not found out
 * on the node. A fact that a node does not have is a reading with a reason; rendering stops there
 * and the reason is shown.
 */
import type { Reading } from "./inventory.ts";
import { known, unknown } from "./inventory.ts";
import type { DatacenterName } from "./names.ts";
import type { NodeState } from "./state.ts";

/** Every fact but the labels, which are `labels.<name>`. */
export const templateFacts: readonly string[] = [
  "node.name",
  "node.datacenter",
  "location.room",
  "location.rack",
  "location.position",
  "cpu.cores",
  "cpu.threads",
  "cpu.architecture",
  "cpu.model",
  "memory.mib",
  "os.kernel",
  "os.name",
  "disks.count",
  "nics.count",
];

export const LABEL_FACT_PREFIX = "labels.";

const BYTES_PER_MIB = 1_048_576;

/** What `fact` is on `node`, or why it is not known. */
export function readFact(
  node: NodeState,
  datacenter: DatacenterName,
  fact: string,
): Reading<string> {
  if (fact.startsWith(LABEL_FACT_PREFIX))
    return readLabel(node, fact.slice(LABEL_FACT_PREFIX.length));
  switch (fact) {
    case "node.name":
      return known(node.name);
    case "node.datacenter":
      return known(datacenter);
    case "location.room":
      return readLocation(node, "room");
    case "location.rack":
      return readLocation(node, "rack");
    case "location.position":
      return readLocation(node, "position");
    default:
      return readHardware(node, fact);
  }
}

/** The memory in whole MiB. */
export function memoryMib(totalBytes: number): number {
  return Math.floor(totalBytes / BYTES_PER_MIB);
}

function readLabel(node: NodeState, name: string): Reading<string> {
  const value = Object.hasOwn(node.labels, name) ? node.labels[name] : undefined;
  return value === undefined ? unknown(`node ${node.name} has no label ${name}`) : known(value);
}

function readLocation(node: NodeState, part: "room" | "rack" | "position"): Reading<string> {
  const value = node.location[part];
  return value === undefined
    ? unknown(`the ${part} of node ${node.name} is not set`)
    : known(value);
}

function readHardware(node: NodeState, fact: string): Reading<string> {
  const inventory = node.inventory?.value;
  if (inventory === undefined)
    return unknown(`the inventory of node ${node.name} is not known yet`);
  switch (fact) {
    case "cpu.cores":
      return shown(inventory.cpu.cores, String);
    case "cpu.threads":
      return shown(inventory.cpu.threads, String);
    case "cpu.architecture":
      return inventory.cpu.architecture;
    case "cpu.model":
      return inventory.cpu.model;
    case "memory.mib":
      return shown(inventory.memory.totalBytes, (bytes) => String(memoryMib(bytes)));
    case "os.kernel":
      return inventory.kernel;
    case "os.name":
      return inventory.operatingSystem;
    case "disks.count":
      return shown(inventory.disks, (disks) => String(disks.length));
    case "nics.count":
      return shown(inventory.nics, (nics) => String(nics.length));
    default:
      return unknown(`there is no fact ${fact}`);
  }
}

function shown<T>(reading: Reading<T>, show: (value: T) => string): Reading<string> {
  return reading.type === "known" ? known(show(reading.value)) : reading;
}
