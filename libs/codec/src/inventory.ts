/**
 * The inventory of a node, domain ⇄ proto.
 *
 * A reading that is absent in the message is unknown, never zero or empty: an older agent does not
 * report it yet.
 */
import { known, unknown } from "@atoll/domain";
import type { Bmc, Dimm, Disk, DiskKind, Inventory, Nic, Reading } from "@atoll/domain";
import type {
  Bmc as ProtoBmc,
  Dimm as ProtoDimm,
  Disk as ProtoDisk,
  IntegerReading,
  Inventory as ProtoInventory,
  MachineIdentity,
  Nic as ProtoNic,
  TextReading,
} from "@atoll/proto/atoll/type/v1/inventory";
import { oneOf } from "./words.ts";

const NOT_REPORTED = "the agent did not report it";
const DISK_KINDS: readonly DiskKind[] = ["nvme", "ssd", "hdd", "virtual"];
const LINKS = ["up", "down"] as const;

export function toProtoInventory(inventory: Inventory): ProtoInventory {
  const { system, board, bios, cpu, memory, disks, nics, bmc } = inventory;
  return {
    system: toIdentity(system),
    board: toIdentity(board),
    bios: { vendor: toText(bios.vendor), version: toText(bios.version), date: toText(bios.date) },
    cpu: {
      model: toText(cpu.model),
      architecture: toText(cpu.architecture),
      sockets: toInteger(cpu.sockets),
      cores: toInteger(cpu.cores),
      threads: toInteger(cpu.threads),
    },
    memory: {
      totalBytes: toInteger(memory.totalBytes),
      dimms: listOf(memory.dimms).map(toDimm),
      dimmsUnknownReason: reasonOf(memory.dimms),
    },
    disks: listOf(disks).map(toDisk),
    disksUnknownReason: reasonOf(disks),
    nics: listOf(nics).map(toNic),
    nicsUnknownReason: reasonOf(nics),
    ...(bmc.type === "known" ? { bmc: toBmc(bmc.value) } : {}),
    bmcUnknownReason: reasonOf(bmc),
    kernel: toText(inventory.kernel),
    operatingSystem: toText(inventory.operatingSystem),
    hostName: toText(inventory.hostName),
  };
}

export function fromProtoInventory(inventory: ProtoInventory): Inventory {
  const { bios, cpu, memory } = inventory;
  return {
    system: fromIdentity(inventory.system),
    board: fromIdentity(inventory.board),
    bios: {
      vendor: fromText(bios?.vendor),
      version: fromText(bios?.version),
      date: fromText(bios?.date),
    },
    cpu: {
      model: fromText(cpu?.model),
      architecture: fromText(cpu?.architecture),
      sockets: fromInteger(cpu?.sockets),
      cores: fromInteger(cpu?.cores),
      threads: fromInteger(cpu?.threads),
    },
    memory: {
      totalBytes: fromInteger(memory?.totalBytes),
      dimms: fromList(
        memory?.dimms.map(fromDimm) ?? [],
        memory?.dimmsUnknownReason ?? NOT_REPORTED,
      ),
    },
    disks: fromList(inventory.disks.map(fromDisk), inventory.disksUnknownReason),
    nics: fromList(inventory.nics.map(fromNic), inventory.nicsUnknownReason),
    bmc:
      inventory.bmc === undefined
        ? unknown(inventory.bmcUnknownReason || NOT_REPORTED)
        : known(fromBmc(inventory.bmc)),
    kernel: fromText(inventory.kernel),
    operatingSystem: fromText(inventory.operatingSystem),
    hostName: fromText(inventory.hostName),
  };
}

function toIdentity(identity: Inventory["system"]): MachineIdentity {
  return {
    manufacturer: toText(identity.manufacturer),
    product: toText(identity.product),
    serial: toText(identity.serial),
  };
}

function fromIdentity(identity: MachineIdentity | undefined): Inventory["system"] {
  return {
    manufacturer: fromText(identity?.manufacturer),
    product: fromText(identity?.product),
    serial: fromText(identity?.serial),
  };
}

function toDimm({ slot, sizeBytes, kind, speedMts, serial }: Dimm): ProtoDimm {
  return {
    slot,
    sizeBytes,
    kind: toText(kind),
    speedMts: toInteger(speedMts),
    serial: toText(serial),
  };
}

function fromDimm({ slot, sizeBytes, kind, speedMts, serial }: ProtoDimm): Dimm {
  return {
    slot,
    sizeBytes,
    kind: fromText(kind),
    speedMts: fromInteger(speedMts),
    serial: fromText(serial),
  };
}

function toDisk({ name, kind, sizeBytes, model, serial }: Disk): ProtoDisk {
  return {
    name,
    kind: toText(kind),
    sizeBytes: toInteger(sizeBytes),
    model: toText(model),
    serial: toText(serial),
  };
}

function fromDisk({ name, kind, sizeBytes, model, serial }: ProtoDisk): Disk {
  return {
    name,
    kind: fromWord(kind, "kind of disk", DISK_KINDS),
    sizeBytes: fromInteger(sizeBytes),
    model: fromText(model),
    serial: fromText(serial),
  };
}

function toNic({ name, mac, speedMbps, link, driver }: Nic): ProtoNic {
  return {
    name,
    mac: toText(mac),
    speedMbps: toInteger(speedMbps),
    link: toText(link),
    driver: toText(driver),
  };
}

function fromNic({ name, mac, speedMbps, link, driver }: ProtoNic): Nic {
  return {
    name,
    mac: fromText(mac),
    speedMbps: fromInteger(speedMbps),
    link: fromWord(link, "state of a link", LINKS),
    driver: fromText(driver),
  };
}

function toBmc({ present, interfaceName, address, firmware }: Bmc): ProtoBmc {
  return {
    present,
    interfaceName: toText(interfaceName),
    address: toText(address),
    firmware: toText(firmware),
  };
}

function fromBmc({ present, interfaceName, address, firmware }: ProtoBmc): Bmc {
  return {
    present,
    interfaceName: fromText(interfaceName),
    address: fromText(address),
    firmware: fromText(firmware),
  };
}

function toText(reading: Reading<string>): TextReading {
  return reading.type === "known"
    ? { reading: { $case: "value", value: reading.value } }
    : { reading: { $case: "unknownReason", value: reading.reason } };
}

function fromText(reading: TextReading | undefined): Reading<string> {
  if (reading?.reading === undefined) return unknown(NOT_REPORTED);
  const { $case, value } = reading.reading;
  return $case === "value" ? known(value) : unknown(value);
}

function fromWord<W extends string>(
  reading: TextReading | undefined,
  what: string,
  allowed: readonly W[],
): Reading<W> {
  const text = fromText(reading);
  return text.type === "known" ? known(oneOf(what, allowed, text.value)) : text;
}

function toInteger(reading: Reading<number>): IntegerReading {
  return reading.type === "known"
    ? { reading: { $case: "value", value: reading.value } }
    : { reading: { $case: "unknownReason", value: reading.reason } };
}

function fromInteger(reading: IntegerReading | undefined): Reading<number> {
  if (reading?.reading === undefined) return unknown(NOT_REPORTED);
  return reading.reading.$case === "value"
    ? known(reading.reading.value)
    : unknown(reading.reading.value);
}

function listOf<T>(reading: Reading<readonly T[]>): readonly T[] {
  return reading.type === "known" ? reading.value : [];
}

/** A list is unknown when a reason is given, so a reason is never empty. */
function reasonOf(reading: Reading<unknown>): string {
  if (reading.type === "known") return "";
  return reading.reason === "" ? "no reason was given" : reading.reason;
}

function fromList<T>(list: readonly T[], unknownReason: string): Reading<readonly T[]> {
  return unknownReason === "" ? known(list) : unknown(unknownReason);
}
