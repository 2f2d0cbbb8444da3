/**
 * Who made the machine, its board and its firmware.
 *
 * From the kernel's DMI attributes, else from the SMBIOS table, else from the device tree of
 * machines without either.
 */
import type { Inventory, Reading } from "@atoll/domain";
import { unknown } from "@atoll/domain";
import { firstKnown, textReading, type Tree } from "./reading.ts";
import { SmbiosType, type SmbiosStructure, stringAt } from "./smbios.ts";

const DMI = "/sys/class/dmi/id";

export function readMachine(
  tree: Tree,
  smbios: Reading<readonly SmbiosStructure[]>,
): Pick<Inventory, "system" | "board" | "bios"> {
  function field(attribute: string, type: number, offset: number): Reading<string> {
    return firstKnown(
      () => tree.text(`${DMI}/${attribute}`),
      () => smbiosText(smbios, type, offset),
    );
  }
  const { system, board, bios } = SmbiosType;
  return {
    system: {
      manufacturer: field("sys_vendor", system, 0x04),
      product: firstKnown(
        () => field("product_name", system, 0x05),
        () => tree.text("/sys/firmware/devicetree/base/model"),
      ),
      serial: firstKnown(
        () => field("product_serial", system, 0x07),
        () => tree.text("/sys/firmware/devicetree/base/serial-number"),
      ),
    },
    board: {
      manufacturer: field("board_vendor", board, 0x04),
      product: field("board_name", board, 0x05),
      serial: field("board_serial", board, 0x07),
    },
    bios: {
      vendor: field("bios_vendor", bios, 0x04),
      version: field("bios_version", bios, 0x05),
      date: field("bios_date", bios, 0x08),
    },
  };
}

function smbiosText(
  smbios: Reading<readonly SmbiosStructure[]>,
  type: number,
  offset: number,
): Reading<string> {
  if (smbios.type === "unknown") return smbios;
  const structure = smbios.value.find((each) => each.type === type);
  if (structure === undefined) return unknown(`the SMBIOS table has no structure ${type}`);
  return textReading(stringAt(structure, offset) ?? "", `SMBIOS structure ${type}`);
}
