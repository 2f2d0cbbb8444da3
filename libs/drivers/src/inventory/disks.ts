/**
 * The disks of the machine: what holds data and can be counted as hardware.
 *
 * Left out: loop, RAM and network disks, partitions, and what is put together of other disks (RAID,
 * LVM). A disk that a hypervisor makes up is `virtual`, whatever it says about rotation.
 */
import type { Disk, DiskKind, Reading } from "@atoll/domain";
import { known, unknown } from "@atoll/domain";
import type { CommandRunner } from "../run-command.ts";
import { firstKnown, textReading, type Tree } from "./reading.ts";

/** Not hardware; `nvme0c0n1` is one path to nvme0n1, `mmcblk0boot0` a part of mmcblk0. */
const SKIPPED =
  /^(loop|ram|zram|dm-|md|sr|fd|nbd|rbd|drbd|zd|bcache)|^nvme\d+c\d+n\d+$|boot\d+$|rpmb$/;
const VIRTUAL_NAME = /^(vd|xvd|ubd)/;
const VIRTUAL_MAKER =
  /qemu|vbox|vmware|virtual ?disk|msft|xen|bochs|virtio|elastic block|nutanix|persistentdisk/i;
const SECTOR_BYTES = 512;
const LSBLK_TIMEOUT_MS = 5_000;

export async function readDisks(tree: Tree, run: CommandRunner): Promise<Reading<readonly Disk[]>> {
  const names = tree.names("/sys/block");
  if (names.type === "unknown") return names;
  const disks: Disk[] = [];
  let asked: ReadonlyMap<string, string> | undefined;
  for (const name of names.value.filter((each) => !SKIPPED.test(each))) {
    const sectors = tree.integer(`/sys/block/${name}/size`);
    // An empty drive for removable media.
    if (sectors.type === "known" && sectors.value === 0) continue;
    let serial = readSerial(tree, name);
    if (serial.type === "unknown") {
      asked ??= await askLsblk(run);
      const told = asked.get(name);
      if (told !== undefined) serial = textReading(told, "lsblk");
    }
    disks.push({
      name,
      kind: readKind(tree, name),
      sizeBytes: sectors.type === "known" ? known(sectors.value * SECTOR_BYTES) : sectors,
      model: readModel(tree, name),
      serial,
    });
  }
  return known(disks);
}

function readKind(tree: Tree, name: string): Reading<DiskKind> {
  const makers = [
    tree.text(`/sys/block/${name}/device/vendor`),
    tree.text(`/sys/block/${name}/device/model`),
  ];
  const virtual = makers.some((maker) => maker.type === "known" && VIRTUAL_MAKER.test(maker.value));
  if (VIRTUAL_NAME.test(name) || virtual) return known("virtual");
  if (name.startsWith("nvme")) return known("nvme");
  const rotational = tree.integer(`/sys/block/${name}/queue/rotational`);
  if (rotational.type === "unknown") return rotational;
  return known(rotational.value === 0 ? "ssd" : "hdd");
}

function readModel(tree: Tree, name: string): Reading<string> {
  return firstKnown(
    () => tree.text(`/sys/block/${name}/device/model`),
    () => tree.text(`/sys/block/${name}/device/name`),
  );
}

function readSerial(tree: Tree, name: string): Reading<string> {
  return firstKnown(
    () => tree.text(`/sys/block/${name}/device/serial`),
    () => tree.text(`/sys/block/${name}/serial`),
    () => readSerialPage(tree, name),
    () => readUdevSerial(tree, name),
  );
}

/** SCSI vital product data page 0x80: a header of four bytes, then the text. SPC-4 §7.8.15 */
function readSerialPage(tree: Tree, name: string): Reading<string> {
  const path = `/sys/block/${name}/device/vpd_pg80`;
  const page = tree.raw(path);
  if (page.type === "unknown") return page;
  const length = ((page.value[2] ?? 0) << 8) | (page.value[3] ?? 0);
  if (page.value[1] !== 0x80 || page.value.length < 4 + length) {
    return unknown(`${path} is not a serial number page`);
  }
  return textReading(new TextDecoder().decode(page.value.subarray(4, 4 + length)), path);
}

function readUdevSerial(tree: Tree, name: string): Reading<string> {
  const device = tree.text(`/sys/block/${name}/dev`);
  if (device.type === "unknown") return device;
  const path = `/run/udev/data/b${device.value}`;
  const data = tree.raw(path);
  if (data.type === "unknown") return data;
  const text = new TextDecoder().decode(data.value);
  const found = /^E:ID_SERIAL_SHORT=(.+)$/m.exec(text);
  return found === null ? unknown(`${path} has no serial`) : textReading(found[1] as string, path);
}

/** Serials by disk name; empty where lsblk cannot be asked. */
async function askLsblk(run: CommandRunner): Promise<ReadonlyMap<string, string>> {
  const serials = new Map<string, string>();
  const command = ["lsblk", "--json", "--nodeps", "--output", "NAME,SERIAL"];
  const result = await run(command, { timeoutMs: LSBLK_TIMEOUT_MS });
  if (result.type === "failed" || result.status !== 0) return serials;
  let told: unknown;
  try {
    told = JSON.parse(result.output);
  } catch {
    return serials;
  }
  const devices = (told as { blockdevices?: unknown }).blockdevices;
  if (!Array.isArray(devices)) return serials;
  for (const { name, serial } of devices as { name?: unknown; serial?: unknown }[]) {
    if (typeof name === "string" && typeof serial === "string") serials.set(name, serial);
  }
  return serials;
}
