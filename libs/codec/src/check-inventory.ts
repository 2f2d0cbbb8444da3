/**
 * An inventory from outside made safe to keep: bounded lists, bounded texts, and no number that no
 * hardware has.
 *
 * What is out of bounds becomes an unknown reading with that reason; the rest of the inventory
 * stands.
 */
import { known, showText, unknown } from "@atoll/domain";
import type { Dimm, Disk, Inventory, Nic, Reading } from "@atoll/domain";
import { cut } from "./check-message.ts";

export const PARTS_PER_LIST_MAX = 1_024;
export const READING_LENGTH_MAX = 256;

export function checkedInventory(inventory: Inventory): Inventory {
  const { system, board, bios, cpu, memory } = inventory;
  return {
    system: identity(system),
    board: identity(board),
    bios: { vendor: text(bios.vendor), version: text(bios.version), date: text(bios.date) },
    cpu: {
      model: text(cpu.model),
      architecture: text(cpu.architecture),
      sockets: integer(cpu.sockets),
      cores: integer(cpu.cores),
      threads: integer(cpu.threads),
    },
    memory: { totalBytes: integer(memory.totalBytes), dimms: list(memory.dimms, dimm) },
    disks: list(inventory.disks, disk),
    nics: list(inventory.nics, nic),
    bmc:
      inventory.bmc.type === "known"
        ? known({
            present: inventory.bmc.value.present,
            interfaceName: text(inventory.bmc.value.interfaceName),
            address: text(inventory.bmc.value.address),
            firmware: text(inventory.bmc.value.firmware),
          })
        : text(inventory.bmc),
    kernel: text(inventory.kernel),
    operatingSystem: text(inventory.operatingSystem),
    hostName: text(inventory.hostName),
  };
}

function identity({ manufacturer, product, serial }: Inventory["system"]): Inventory["system"] {
  return { manufacturer: text(manufacturer), product: text(product), serial: text(serial) };
}

function dimm({ slot, sizeBytes, kind, speedMts, serial }: Dimm): Dimm {
  return {
    slot: cut(slot, READING_LENGTH_MAX),
    sizeBytes: Math.max(0, sizeBytes),
    kind: text(kind),
    speedMts: integer(speedMts),
    serial: text(serial),
  };
}

function disk({ name, kind, sizeBytes, model, serial }: Disk): Disk {
  return {
    name: cut(name, READING_LENGTH_MAX),
    kind: text(kind),
    sizeBytes: integer(sizeBytes),
    model: text(model),
    serial: text(serial),
  };
}

function nic({ name, mac, speedMbps, link, driver }: Nic): Nic {
  return {
    name: cut(name, READING_LENGTH_MAX),
    mac: text(mac),
    speedMbps: integer(speedMbps),
    link: text(link),
    driver: text(driver),
  };
}

function text<T>(reading: Reading<T>): Reading<T> {
  if (reading.type === "unknown") return unknown(cut(reading.reason, READING_LENGTH_MAX));
  const { value } = reading;
  if (typeof value !== "string" || value.length <= READING_LENGTH_MAX) return reading;
  return unknown(`longer than ${READING_LENGTH_MAX} characters: ${showText(value)}`);
}

function integer(reading: Reading<number>): Reading<number> {
  if (reading.type === "unknown") return unknown(cut(reading.reason, READING_LENGTH_MAX));
  return reading.value >= 0 ? reading : unknown(`${reading.value} makes no sense`);
}

function list<T>(reading: Reading<readonly T[]>, check: (part: T) => T): Reading<readonly T[]> {
  if (reading.type === "unknown") return unknown(cut(reading.reason, READING_LENGTH_MAX));
  const parts = reading.value;
  if (parts.length <= PARTS_PER_LIST_MAX) return known(parts.map(check));
  return unknown(`${parts.length} are too many: at most ${PARTS_PER_LIST_MAX}`);
}
