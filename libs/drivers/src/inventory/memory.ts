/**
 * The memory that the kernel manages, and the modules that the firmware found.
 */
import type { Dimm, Inventory, Reading } from "@atoll/domain";
import { known, unknown } from "@atoll/domain";
import { type Tree, textReading } from "./reading.ts";
import { integerAt, type SmbiosStructure, SmbiosType, stringAt } from "./smbios.ts";

/** DSP0134 §7.18.2, table 76. */
const MEMORY_KINDS: Readonly<Record<number, string>> = {
  0x0f: "SDRAM",
  0x12: "DDR",
  0x13: "DDR2",
  0x14: "DDR2 FB-DIMM",
  0x18: "DDR3",
  0x1a: "DDR4",
  0x1b: "LPDDR",
  0x1c: "LPDDR2",
  0x1d: "LPDDR3",
  0x1e: "LPDDR4",
  0x1f: "logical non-volatile",
  0x20: "HBM",
  0x21: "HBM2",
  0x22: "DDR5",
  0x23: "LPDDR5",
  0x24: "HBM3",
};
const SIZE_UNKNOWN = 0xffff;
const SIZE_EXTENDED = 0x7fff;
const SPEED_EXTENDED = 0xffff;

export function readMemory(
  tree: Tree,
  smbios: Reading<readonly SmbiosStructure[]>,
): Inventory["memory"] {
  return { totalBytes: readTotal(tree), dimms: readDimms(smbios) };
}

function readTotal(tree: Tree): Reading<number> {
  const raw = tree.raw("/proc/meminfo");
  if (raw.type === "unknown") return raw;
  const found = /^MemTotal:\s+(\d+) kB$/m.exec(new TextDecoder().decode(raw.value));
  if (found === null) return unknown("/proc/meminfo has no MemTotal");
  return known(Number(found[1]) * 1_024);
}

function readDimms(smbios: Reading<readonly SmbiosStructure[]>): Reading<readonly Dimm[]> {
  if (smbios.type === "unknown") return smbios;
  const devices = smbios.value.filter((each) => each.type === SmbiosType.memoryDevice);
  if (devices.length === 0) return unknown("the SMBIOS table has no memory devices");
  const dimms: Dimm[] = [];
  for (const device of devices) {
    const sizeBytes = sizeOf(device);
    if (sizeBytes === 0) continue;
    if (sizeBytes === undefined) {
      return unknown(`the SMBIOS table does not tell the size of memory device ${slotOf(device)}`);
    }
    dimms.push({
      slot: slotOf(device),
      sizeBytes,
      kind: kindOf(device),
      speedMts: speedOf(device),
      serial: textReading(stringAt(device, 0x18) ?? "", "the module's serial number"),
    });
  }
  return known(dimms);
}

/** 0 for an empty slot, undefined when the firmware does not know. §7.18.4 */
function sizeOf(device: SmbiosStructure): number | undefined {
  const size = integerAt(device, 0x0c, 2);
  if (size === undefined || size === SIZE_UNKNOWN) return undefined;
  if (size === SIZE_EXTENDED) {
    const mebibytes = integerAt(device, 0x1c, 4);
    return mebibytes === undefined ? undefined : (mebibytes % 2 ** 31) * 1_048_576;
  }
  return size >= 0x8000 ? (size - 0x8000) * 1_024 : size * 1_048_576;
}

function slotOf(device: SmbiosStructure): string {
  const parts = [stringAt(device, 0x11), stringAt(device, 0x10)].map((part) => part?.trim() ?? "");
  const named = parts.filter((part) => part !== "" && !/^not specified$/i.test(part));
  return named.length === 0 ? "unnamed" : named.join(" ");
}

function kindOf(device: SmbiosStructure): Reading<string> {
  const code = integerAt(device, 0x12, 1);
  const kind = code === undefined ? undefined : MEMORY_KINDS[code];
  return kind === undefined
    ? unknown(`the SMBIOS memory type is ${code ?? "missing"}`)
    : known(kind);
}

/** The configured speed where the firmware tells it, else the module's own. §7.18.6 */
function speedOf(device: SmbiosStructure): Reading<number> {
  for (const [offset, extended] of [
    [0x20, 0x58],
    [0x15, 0x54],
  ] as const) {
    const speed = integerAt(device, offset, 2);
    const value = speed === SPEED_EXTENDED ? integerAt(device, extended, 4) : speed;
    if (value !== undefined && value !== 0) return known(value);
  }
  return unknown("the SMBIOS table does not tell the speed");
}
