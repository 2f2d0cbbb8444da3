/**
 * The inventory on recorded machines, on broken firmware tables, and on the machine that runs the
 * tests.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import os from "node:os";
import { test } from "node:test";
import { type Inventory, known, unknown } from "@atoll/domain";
import { Prng } from "@atoll/stdx";
import type { CommandRunner } from "../run-command.ts";
import {
  BARE_METAL,
  CONTAINER,
  layOut,
  memoryDevice,
  type RecordedTree,
  structure,
  VIRTUAL,
} from "./fixtures.ts";
import { readInventory } from "./inventory-reader.ts";
import { textReading } from "./reading.ts";
import { parseSmbios } from "./smbios.ts";

const NOTHING_INSTALLED: CommandRunner = ([program = ""]) =>
  Promise.resolve({ type: "failed", reason: `${program} is not installed`, missing: true });

function answering(answers: Readonly<Record<string, string>>): CommandRunner {
  return (command, options) => {
    const output = answers[command.join(" ")];
    if (output === undefined) return NOTHING_INSTALLED(command, options);
    return Promise.resolve({ type: "ended", status: 0, output, errorOutput: "" });
  };
}

async function read(tree: RecordedTree, run: CommandRunner): Promise<Inventory> {
  const root = layOut(tree);
  try {
    return await readInventory({ root, run, architecture: "x86_64" });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test("readInventory() of a server reads everything there is", async () => {
  const run = answering({
    "ipmitool lan print":
      "Set in Progress         : Set Complete\nIP Address              : 10.0.0.7\n",
  });
  assert.deepEqual(await read(BARE_METAL, run), SERVER);
});

test("readInventory() of a virtual machine says what it does not show, and why", async () => {
  const found = await read(VIRTUAL, NOTHING_INSTALLED);
  const noTable = "/sys/firmware/dmi/tables/DMI does not exist, and dmidecode is not installed";
  assert.deepEqual(found.system.serial, unknown("/sys/class/dmi/id/product_serial does not exist"));
  assert.deepEqual(found.memory.dimms, unknown(noTable));
  assert.deepEqual(found.bmc, unknown(`no IPMI device, and ${noTable}`));
  assert.deepEqual([found.cpu.sockets, found.cpu.cores], [known(1), known(2)]);
  assert.deepEqual(
    found.disks,
    known([
      {
        name: "vda",
        kind: known("virtual"),
        sizeBytes: known(274_877_906_944),
        model: unknown("/sys/block/vda/device/model does not exist"),
        serial: known("rootdisk"),
      },
    ]),
  );
  assert.deepEqual(
    found.nics,
    known([
      {
        name: "eth0",
        mac: known("02:fc:00:00:00:05"),
        speedMbps: unknown("the driver does not tell the speed"),
        link: known("up"),
        driver: known("virtio_net"),
      },
    ]),
  );
  assert.deepEqual(found.operatingSystem, known("Debian"));
});

test("readInventory() of a container gives reasons, never wrong values", async () => {
  const found = await read(CONTAINER, NOTHING_INSTALLED);
  assert.deepEqual(
    found.system.manufacturer,
    unknown('/sys/class/dmi/id/sys_vendor holds the placeholder "Default string"'),
  );
  assert.deepEqual(found.memory.totalBytes, unknown("/proc/meminfo has no MemTotal"));
  assert.deepEqual(found.disks, unknown("/sys/block does not exist"));
  assert.deepEqual(found.cpu.model, known("ARM implementer 0x41 part 0xd0c"));
  const topology = "/sys/devices/system/cpu/cpu0/topology";
  assert.deepEqual(
    found.cpu.sockets,
    unknown(`${topology}/physical_package_id says that it is not known`),
  );
  assert.deepEqual(found.cpu.cores, unknown(`${topology}/core_cpus_list does not exist`));
  assert.deepEqual(
    found.nics,
    known([
      {
        name: "eth0",
        mac: unknown("the address is all zeros"),
        speedMbps: unknown("link is down"),
        link: known("down"),
        driver: unknown("the interface is not hardware"),
      },
    ]),
  );
  assert.deepEqual(found.operatingSystem, unknown("/etc/os-release does not exist"));
});

test("a BMC is absent only when the firmware's table lists none", async () => {
  const table = "/sys/firmware/dmi/tables/DMI";
  const none = await read({ [table]: Uint8Array.from(structure(127, [])) }, NOTHING_INSTALLED);
  assert.equal(none.bmc.type === "known" && none.bmc.value.present, false);
  const bytes = [...structure(38, [1, 0, 0, 0]), ...structure(127, [])];
  const listed = await read({ [table]: Uint8Array.from(bytes) }, NOTHING_INSTALLED);
  assert.deepEqual(
    listed.bmc.type === "known" && [listed.bmc.value.present, listed.bmc.value.address],
    [true, unknown("the kernel has no IPMI device for it")],
  );
});

test("the firmware's table may come from dmidecode", async () => {
  const dump = [
    "Handle 0x0001, DMI type 1, 27 bytes",
    "\tHeader and Data:",
    "\t\t01 08 01 00 01 02 00 03",
    "\tStrings:",
    `\t\t${hex("ACME")} 00`,
    "\t\tACME",
    `\t\t${hex("Box 1")} 00`,
    `\t\t${hex("SN77")} 00`,
    "",
    "Handle 0x0002, DMI type 127, 4 bytes",
    "\tHeader and Data:",
    "\t\t7F 04 02 00",
    "",
  ].join("\n");
  const found = await read({}, answering({ "dmidecode --dump --quiet": dump }));
  assert.deepEqual(found.system, {
    manufacturer: known("ACME"),
    product: known("Box 1"),
    serial: known("SN77"),
  });
});

test("textReading() knows what vendors leave unfilled", () => {
  const unfilled = [
    "To Be Filled By O.E.M.",
    "To be filled by O.E.M.",
    "Default string",
    "Not Specified",
    "System Serial Number",
    "0000000000",
    "0123456789",
    "N/A",
    "None",
    "  ",
    "Not Applicable",
    "xxxxxxxx",
  ];
  for (const text of unfilled) assert.equal(textReading(text, "x").type, "unknown", text);
  for (const text of ["0", "Nonesuch", "S0000", "PowerEdge R650", "10.0", "1234567"]) {
    if (text === "0") continue;
    assert.deepEqual(textReading(text, "x"), known(text));
  }
});

test("parseSmbios() survives any damage to a table", () => {
  const whole = [
    ...structure(1, [1, 2, 0, 3], ["a", "b", "c"]),
    ...memoryDevice({ sizeMib: 8, locator: "A", bank: "B", kind: 26, speed: 1, serial: "S" }),
    ...structure(127, []),
  ];
  assert.equal(parseSmbios(Uint8Array.from(whole)).length, 3);
  const random = new Prng(11);
  for (let round = 0; round < 5_000; round += 1) {
    const bytes = Uint8Array.from(whole).subarray(0, random.below(whole.length + 1));
    for (let flips = random.below(6); flips > 0 && bytes.length > 0; flips -= 1) {
      bytes[random.below(bytes.length)] = random.below(256);
    }
    assert.ok(parseSmbios(bytes).length <= bytes.length / 4 + 1);
  }
});

test("readInventory() of this machine agrees with what Node knows of it", async () => {
  const found = await readInventory();
  assert.deepEqual(found.kernel, known(os.release()));
  assert.deepEqual(found.hostName, known(os.hostname()));
  assert.deepEqual(found.cpu.architecture, known(os.machine()));
  assert.deepEqual(found.memory.totalBytes, known(os.totalmem()));
  assert.deepEqual(found.cpu.threads, known(os.cpus().length));
  for (const reading of [found.system.serial, found.memory.dimms, found.bmc, found.disks]) {
    if (reading.type === "unknown") assert.notEqual(reading.reason, "");
  }
});

function hex(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => byte.toString(16).padStart(2, "0").toUpperCase())
    .join(" ");
}

const SERVER: Inventory = {
  system: {
    manufacturer: known("Supermicro"),
    product: known("AS -1115CS-TNR"),
    serial: known("S500123X"),
  },
  board: {
    manufacturer: known("Supermicro"),
    product: known("H13SSW"),
    serial: known("HM238S012345"),
  },
  bios: {
    vendor: known("American Megatrends International, LLC."),
    version: known("1.9"),
    date: known("09/17/2024"),
  },
  cpu: {
    model: known("AMD EPYC 9354 32-Core Processor"),
    architecture: known("x86_64"),
    sockets: known(2),
    cores: known(4),
    threads: known(8),
  },
  memory: {
    totalBytes: known(67_108_864_000),
    dimms: known([
      {
        slot: "P0 CHANNEL A DIMMA1",
        sizeBytes: 68_719_476_736,
        kind: known("DDR5"),
        speedMts: known(4_800),
        serial: known("80CE01"),
      },
      {
        slot: "DIMMC1",
        sizeBytes: 17_179_869_184,
        kind: known("DDR5"),
        speedMts: unknown("the SMBIOS table does not tell the speed"),
        serial: unknown('the module\'s serial number holds the placeholder "Unknown"'),
      },
    ]),
  },
  disks: known([
    {
      name: "nvme0n1",
      kind: known("nvme" as const),
      sizeBytes: known(3_840_755_982_336),
      model: known("SAMSUNG MZQL23T8HCLS-00A07"),
      serial: known("S64HNE0R500001"),
    },
    {
      name: "sda",
      kind: known("hdd" as const),
      sizeBytes: known(18_000_207_937_536),
      model: known("ST18000NM000J-2T"),
      serial: known("ZR50ABCD"),
    },
    {
      name: "sdb",
      kind: known("ssd" as const),
      sizeBytes: known(480_103_981_056),
      model: known("SAMSUNG MZ7L3480"),
      serial: known("S666NX0T100"),
    },
  ]),
  nics: known([
    {
      name: "eno1",
      mac: known("3c:ec:ef:00:00:01"),
      speedMbps: known(25_000),
      link: known("up" as const),
      driver: known("bnxt_en"),
    },
    {
      name: "eno2",
      mac: known("3c:ec:ef:00:00:02"),
      speedMbps: unknown("link is down"),
      link: known("down" as const),
      driver: known("bnxt_en"),
    },
  ]),
  bmc: known({
    present: true,
    interfaceName: known("ipmi0"),
    address: known("10.0.0.7"),
    firmware: known("1.03"),
  }),
  kernel: known("6.1.0-28-amd64"),
  operatingSystem: known("Debian GNU/Linux 12 (bookworm)"),
  hostName: known("r1u7"),
};
