/**
 * An inventory told as what changed since another.
 *
 * By sections, whole ones: a server's disks are one, its network cards another. The base is named
 * by digest; who does not hold it must ask for the whole. Never partly applied. Made by agents,
 * applied by deciding.
 */
import { canonicalJson, digestText } from "@atoll/stdx";
import type { Inventory } from "./inventory.ts";

export type InventorySection = keyof Inventory;

export const INVENTORY_SECTIONS: readonly InventorySection[] = [
  "system",
  "board",
  "bios",
  "cpu",
  "memory",
  "disks",
  "nics",
  "bmc",
  "kernel",
  "operatingSystem",
  "hostName",
];

export interface InventoryDifference {
  /** {@link inventoryDigest} of what it is a difference to. */
  readonly base: string;
  readonly changed: Partial<Inventory>;
}

export function inventoryDigest(inventory: Inventory): string {
  return digestText(canonicalJson(inventory));
}

export function differenceOf(before: Inventory, after: Inventory): InventoryDifference {
  const same = (section: InventorySection): boolean =>
    canonicalJson(before[section]) === canonicalJson(after[section]);
  const changed = INVENTORY_SECTIONS.filter((section) => !same(section));
  return {
    base: inventoryDigest(before),
    changed: Object.fromEntries(changed.map((section) => [section, after[section]])),
  };
}

/** Undefined when `before` is not its base. */
export function applyDifference(
  before: Inventory | undefined,
  { base, changed }: InventoryDifference,
): Inventory | undefined {
  if (before === undefined || inventoryDigest(before) !== base) return undefined;
  return { ...before, ...changed };
}
