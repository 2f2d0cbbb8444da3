/**
 * The hardware of a node for people: one line per part.
 *
 * A reading that failed shows as `unknown` with its reason; it is never left out, because a
 * missing line would read as "there is none".
 */
import type {
  Disk,
  IntegerReading,
  Inventory,
  MachineIdentity,
  Nic,
  TextReading,
} from "@atoll/proto/atoll/type/v1/inventory";
import { bytesText, counted, pairs } from "./document.ts";
import type { Paint } from "./style.ts";

export function inventoryLines(inventory: Inventory, paint: Paint): string[] {
  const { cpu, memory, bios } = inventory;
  const rows: (readonly [string, string | undefined])[] = [
    ["system", inventory.system && identityText(inventory.system)],
    ["board", inventory.board && identityText(inventory.board)],
    ["BIOS", bios && join([text(bios.vendor), text(bios.version), text(bios.date)])],
    ["CPU", cpu && text(cpu.model)],
    [
      "cores",
      cpu &&
        join([
          integer(cpu.sockets, (count) => counted(count, "socket")),
          integer(cpu.cores, (count) => counted(count, "core")),
          integer(cpu.threads, (count) => counted(count, "thread")),
          text(cpu.architecture),
        ]),
    ],
    ["memory", memory && integer(memory.totalBytes, bytesText)],
    ...dimmRows(inventory),
    ...listRows("disk", inventory.disks.map(diskText), inventory.disksUnknownReason),
    ...listRows("NIC", inventory.nics.map(nicText), inventory.nicsUnknownReason),
    ["BMC", bmcText(inventory)],
    ["kernel", text(inventory.kernel)],
    ["system software", text(inventory.operatingSystem)],
    ["host name", text(inventory.hostName)],
  ];
  return pairs(rows, paint, "  ");
}

function dimmRows(inventory: Inventory): (readonly [string, string])[] {
  const memory = inventory.memory;
  if (memory === undefined) return [];
  const dimms = memory.dimms.map((dimm) =>
    join([
      dimm.slot,
      bytesText(dimm.sizeBytes),
      text(dimm.kind),
      integer(dimm.speedMts, (speed) => `${speed} MT/s`),
      `serial ${text(dimm.serial)}`,
    ]),
  );
  return listRows("DIMM", dimms, memory.dimmsUnknownReason);
}

function listRows(
  label: string,
  items: readonly string[],
  unknownReason: string,
): (readonly [string, string])[] {
  if (unknownReason !== "") return [[label, `unknown: ${unknownReason}`]];
  if (items.length === 0) return [[label, "none"]];
  return items.map((item) => [label, item] as const);
}

function diskText(disk: Disk): string {
  return join([
    disk.name,
    integer(disk.sizeBytes, bytesText),
    text(disk.kind),
    text(disk.model),
    `serial ${text(disk.serial)}`,
  ]);
}

function nicText(nic: Nic): string {
  return join([
    nic.name,
    text(nic.mac),
    `link ${text(nic.link)}`,
    `speed ${integer(nic.speedMbps, (speed) => `${speed} Mb/s`)}`,
    `driver ${text(nic.driver)}`,
  ]);
}

function bmcText(inventory: Inventory): string {
  const { bmc } = inventory;
  if (bmc === undefined) return `unknown: ${inventory.bmcUnknownReason || "not reported"}`;
  if (!bmc.present) return "none";
  return join([text(bmc.interfaceName), text(bmc.address), `firmware ${text(bmc.firmware)}`]);
}

function identityText(identity: MachineIdentity): string {
  return join([
    text(identity.manufacturer),
    text(identity.product),
    `serial ${text(identity.serial)}`,
  ]);
}

function text(reading: TextReading | undefined): string {
  const value = reading?.reading;
  if (value?.$case === "value") return value.value;
  return value === undefined ? "unknown" : `unknown (${value.value})`;
}

function integer(
  reading: IntegerReading | undefined,
  show: (value: number) => string = String,
): string {
  const value = reading?.reading;
  if (value?.$case === "value") return show(value.value);
  return value === undefined ? "unknown" : `unknown (${value.value})`;
}

function join(parts: readonly string[]): string {
  return parts.join(", ");
}
