/**
 * The difference between two inventories of a node, domain ⇄ proto: only the sections that changed
 * are on the wire.
 */
import { INVENTORY_SECTIONS } from "@atoll/domain";
import type { Inventory, InventoryDifference, InventorySection } from "@atoll/domain";
import type { InventoryDifference as ProtoDifference } from "@atoll/proto/atoll/agent/v1/agent";
import { Inventory as ProtoInventory } from "@atoll/proto/atoll/type/v1/inventory";
import { checkedInventory } from "./check-inventory.ts";
import { digestValue, listUpTo } from "./check-message.ts";
import { required } from "./decode-error.ts";
import { fromProtoInventory, toProtoInventory } from "./inventory.ts";
import { oneOf } from "./words.ts";

/** What a section is in the message. */
const FIELDS: Readonly<Record<InventorySection, readonly (keyof ProtoInventory)[]>> = {
  system: ["system"],
  board: ["board"],
  bios: ["bios"],
  cpu: ["cpu"],
  memory: ["memory"],
  disks: ["disks", "disksUnknownReason"],
  nics: ["nics", "nicsUnknownReason"],
  bmc: ["bmc", "bmcUnknownReason"],
  kernel: ["kernel"],
  operatingSystem: ["operatingSystem"],
  hostName: ["hostName"],
};

export function toProtoDifference({ base, changed }: InventoryDifference): ProtoDifference {
  const empty = ProtoInventory.fromPartial({});
  const sections = INVENTORY_SECTIONS.filter((section) => changed[section] !== undefined);
  const whole = toProtoInventory({ ...fromProtoInventory(empty), ...changed });
  const fields = sections.flatMap((section) => FIELDS[section]);
  const kept: Partial<ProtoInventory> = Object.fromEntries(
    fields.map((field) => [field, whole[field]]),
  );
  return { base, sections, changed: { ...empty, ...kept } };
}

/** Throws DecodeError on sections that do not exist; readings out of bounds become unknown. */
export function fromProtoDifference(difference: ProtoDifference): InventoryDifference {
  const names = listUpTo("sections", difference.sections, INVENTORY_SECTIONS.length);
  const sections = names.map((name) => oneOf("section", INVENTORY_SECTIONS, name));
  const whole = checkedInventory(fromProtoInventory(required(difference.changed, "changed")));
  const changed: Partial<Inventory> = Object.fromEntries(
    sections.map((section) => [section, whole[section]]),
  );
  return { base: digestValue(difference.base), changed };
}
