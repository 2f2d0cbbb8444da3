/**
 * Recorded machines for the inventory's tests, as trees of small files, and a maker of SMBIOS
 * tables.
 *
 * A value `-> target` is a symbolic link, `!` a file without read permission, which only users
 * other than root notice.
 */
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export type RecordedTree = Readonly<Record<string, string | Uint8Array>>;

/** Lays the tree out in a temporary folder, which the caller removes. */
export function layOut(tree: RecordedTree): string {
  const root = mkdtempSync(join(tmpdir(), "atoll-machine-"));
  for (const [path, value] of Object.entries(tree)) {
    const full = join(root, path);
    mkdirSync(dirname(full), { recursive: true });
    if (typeof value === "string" && value.startsWith("-> ")) symlinkSync(value.slice(3), full);
    else writeFileSync(full, value);
    if (value === "!") chmodSync(full, 0);
  }
  return root;
}

/** One SMBIOS structure; `bytes` follow the header. */
export function structure(
  type: number,
  bytes: readonly number[],
  strings: readonly string[] = [],
): number[] {
  // No string may be empty: its end would be the end of the set.
  const texts = strings.flatMap((text) => [...Buffer.from(text || " ", "latin1"), 0]);
  const end = strings.length === 0 ? [0, 0] : [0];
  return [type, 4 + bytes.length, 0, 0, ...bytes, ...texts, ...end];
}

/** A memory device of SMBIOS 3.3: 0x5c bytes. */
export function memoryDevice(options: {
  readonly sizeMib: number;
  readonly locator: string;
  readonly bank: string;
  readonly kind: number;
  readonly speed: number;
  readonly serial: string;
}): number[] {
  const bytes = new Uint8Array(0x5c - 4);
  const view = new DataView(bytes.buffer);
  const extended = options.sizeMib >= 0x7fff;
  view.setUint16(0x0c - 4, extended ? 0x7fff : options.sizeMib, true);
  view.setUint32(0x1c - 4, extended ? options.sizeMib : 0, true);
  [bytes[0x10 - 4], bytes[0x11 - 4], bytes[0x18 - 4]] = [1, 2, 3];
  bytes[0x12 - 4] = options.kind;
  view.setUint16(0x15 - 4, options.speed, true);
  view.setUint16(0x20 - 4, options.speed, true);
  return structure(17, [...bytes], [options.locator, options.bank, options.serial]);
}

function cpus(count: number, describe: (cpu: number) => Record<string, string>): RecordedTree {
  const files: Record<string, string> = { "/sys/devices/system/cpu/online": `0-${count - 1}\n` };
  for (let cpu = 0; cpu < count; cpu += 1) {
    for (const [name, value] of Object.entries(describe(cpu))) {
      files[`/sys/devices/system/cpu/cpu${cpu}/topology/${name}`] = `${value}\n`;
    }
  }
  return files;
}

function serialPage(serial: string): Uint8Array {
  const text = Buffer.from(serial, "latin1");
  return Buffer.concat([Buffer.of(0, 0x80, 0, text.length), text]);
}

/**
 * Two sockets of two cores with two threads each, NVMe and spinning disks, a BMC, a bond, a cable
 * out.
 */
export const BARE_METAL: RecordedTree = {
  "/proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC 9354 32-Core Processor\n",
  "/proc/meminfo": "MemTotal:       65536000 kB\nMemFree: 1 kB\n",
  "/proc/sys/kernel/osrelease": "6.1.0-28-amd64\n",
  "/proc/sys/kernel/hostname": "r1u7\n",
  "/etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  ...cpus(8, (cpu) => ({
    physical_package_id: String(Math.floor(cpu / 4)),
    core_id: String(Math.floor(cpu / 2) % 2),
    core_cpus_list: `${cpu - (cpu % 2)}-${cpu - (cpu % 2) + 1}`,
  })),
  "/sys/class/dmi/id/sys_vendor": "Supermicro\n",
  "/sys/class/dmi/id/product_name": "AS -1115CS-TNR\n",
  "/sys/class/dmi/id/product_serial": "S500123X\n",
  "/sys/class/dmi/id/board_vendor": "Supermicro\n",
  "/sys/class/dmi/id/board_name": "H13SSW\n",
  "/sys/class/dmi/id/board_serial": "To Be Filled By O.E.M.\n",
  "/sys/class/dmi/id/bios_vendor": "American Megatrends International, LLC.\n",
  "/sys/class/dmi/id/bios_version": "1.9\n",
  "/sys/class/dmi/id/bios_date": "09/17/2024\n",
  "/sys/firmware/dmi/tables/DMI": Uint8Array.from([
    ...structure(2, [1, 2, 0, 3], ["Supermicro", "H13SSW", "HM238S012345"]),
    ...memoryDevice({
      sizeMib: 65_536,
      locator: "DIMMA1",
      bank: "P0 CHANNEL A",
      kind: 0x22,
      speed: 4_800,
      serial: "80CE01",
    }),
    ...memoryDevice({ sizeMib: 0, locator: "DIMMB1", bank: "", kind: 2, speed: 0, serial: "" }),
    ...memoryDevice({
      sizeMib: 16_384,
      locator: "DIMMC1",
      bank: "Not Specified",
      kind: 0x22,
      speed: 0,
      serial: "Unknown",
    }),
    ...structure(38, [1, 0x20, 0x20, 0xff, 0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0]),
    ...structure(127, []),
  ]),
  "/sys/block/loop0/size": "0\n",
  "/sys/block/nvme0n1/size": "7501476528\n",
  "/sys/block/nvme0n1/queue/rotational": "0\n",
  "/sys/block/nvme0n1/device/model": "SAMSUNG MZQL23T8HCLS-00A07              \n",
  "/sys/block/nvme0n1/device/serial": "S64HNE0R500001      \n",
  "/sys/block/nvme0c0n1/size": "7501476528\n",
  "/sys/block/sda/size": "35156656128\n",
  "/sys/block/sda/dev": "8:0\n",
  "/sys/block/sda/queue/rotational": "1\n",
  "/sys/block/sda/device/vendor": "ATA     \n",
  "/sys/block/sda/device/model": "ST18000NM000J-2T\n",
  "/sys/block/sda/device/vpd_pg80": serialPage("  ZR50ABCD "),
  "/sys/block/sdb/size": "937703088\n",
  "/sys/block/sdb/dev": "8:16\n",
  "/sys/block/sdb/queue/rotational": "0\n",
  "/sys/block/sdb/device/model": "SAMSUNG MZ7L3480\n",
  "/run/udev/data/b8:16": "S:disk/by-id/x\nE:ID_SERIAL_SHORT=S666NX0T100\n",
  "/sys/block/sdc/size": "0\n",
  "/sys/block/sdc/device/model": "Virtual HDisk0\n",
  "/sys/block/md0/size": "937703000\n",
  "/sys/class/net/lo/type": "772\n",
  "/sys/class/net/eno1/type": "1\n",
  "/sys/class/net/eno1/address": "aa:aa:aa:aa:aa:aa\n",
  "/sys/class/net/eno1/bonding_slave/perm_hwaddr": "3C:EC:EF:00:00:01\n",
  "/sys/class/net/eno1/carrier": "1\n",
  "/sys/class/net/eno1/speed": "25000\n",
  "/sys/class/net/eno1/device/driver": "-> ../../../../bus/pci/drivers/bnxt_en",
  "/sys/class/net/eno2/type": "1\n",
  "/sys/class/net/eno2/address": "3c:ec:ef:00:00:02\n",
  "/sys/class/net/eno2/carrier": "0\n",
  "/sys/class/net/eno2/speed": "-1\n",
  "/sys/class/net/eno2/device/driver": "-> ../../../../bus/pci/drivers/bnxt_en",
  "/sys/class/net/bond0/type": "1\n",
  "/sys/class/net/bond0/address": "aa:aa:aa:aa:aa:aa\n",
  "/sys/class/ipmi/ipmi0/dev": "239:0\n",
  "/sys/class/ipmi/ipmi0/device/bmc/firmware_revision": "1.03\n",
};

/** A small virtual machine that shows no firmware. */
export const VIRTUAL: RecordedTree = {
  "/proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: hypervisor\n",
  "/proc/meminfo": "MemTotal:       24684092 kB\n",
  "/proc/sys/kernel/osrelease": "6.1.158\n",
  "/proc/sys/kernel/hostname": "vm-1\n",
  "/usr/lib/os-release": "PRETTY_NAME=Debian\n",
  ...cpus(2, (cpu) => ({ physical_package_id: "0", core_id: "0", core_cpus_list: `${cpu}` })),
  "/sys/block/vda/size": "536870912\n",
  "/sys/block/vda/queue/rotational": "1\n",
  "/sys/block/vda/serial": "rootdisk\n",
  "/sys/block/zram0/size": "8\n",
  "/sys/class/net/eth0/type": "1\n",
  "/sys/class/net/eth0/address": "02:fc:00:00:00:05\n",
  "/sys/class/net/eth0/carrier": "1\n",
  "/sys/class/net/eth0/speed": "-1\n",
  "/sys/class/net/eth0/device/driver": "-> ../../../bus/virtio/drivers/virtio_net",
  "/sys/class/net/ifb0/type": "1\n",
  "/sys/class/net/ifb0/address": "0e:00:00:00:00:01\n",
};

/**
 * A container: the host's processors and memory, no disks, a made-up interface, firmware locked.
 */
export const CONTAINER: RecordedTree = {
  "/proc/cpuinfo": "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n",
  "/proc/meminfo": "MemTotal: many\n",
  "/proc/sys/kernel/osrelease": "6.8.0\n",
  "/proc/sys/kernel/hostname": "f00dcafe\n",
  ...cpus(1, () => ({ physical_package_id: "-1", core_id: "0" })),
  "/sys/class/dmi/id/sys_vendor": "Default string\n",
  "/sys/class/net/lo/type": "772\n",
  "/sys/class/net/docker0/type": "1\n",
  "/sys/class/net/eth0/type": "1\n",
  "/sys/class/net/eth0/address": "00:00:00:00:00:00\n",
  "/sys/class/net/eth0/operstate": "down\n",
};
