/**
 * Reads the hardware and system of the machine it runs on.
 *
 * Looks only: files of /proc and /sys, and three standard tools where they are installed, each with
 * five seconds at most. Whatever cannot be read is unknown with its reason. Called by the agent at
 * its start and by period.
 */
import os from "node:os";
import type { Inventory, Reading } from "@atoll/domain";
import { known, unknown } from "@atoll/domain";
import { type CommandRunner, runCommand } from "../run-command.ts";
import { readBmc } from "./bmc.ts";
import { readCpu } from "./cpu.ts";
import { readDisks } from "./disks.ts";
import { readMachine } from "./machine.ts";
import { readMemory } from "./memory.ts";
import { readNics } from "./nics.ts";
import { firstKnown, textReading, Tree } from "./reading.ts";
import { parseSmbios, type SmbiosStructure } from "./smbios.ts";

export interface InventoryOptions {
  /** Where the machine's files are. Default `/`; a recorded tree in tests. */
  readonly root?: string;
  readonly run?: CommandRunner;
  /** As `uname -m` says. Default: of this machine. */
  readonly architecture?: string;
}

const SMBIOS_TABLE = "/sys/firmware/dmi/tables/DMI";
const DMIDECODE_TIMEOUT_MS = 5_000;

/** Never rejects for what the machine does not tell. */
export async function readInventory(options: InventoryOptions = {}): Promise<Inventory> {
  const tree = new Tree(options.root ?? "/");
  const run = options.run ?? runCommand;
  const smbios = await readSmbios(tree, run);
  return {
    ...readMachine(tree, smbios),
    cpu: readCpu(tree, known(options.architecture ?? os.machine())),
    memory: readMemory(tree, smbios),
    disks: await readDisks(tree, run),
    nics: readNics(tree),
    bmc: await readBmc(tree, smbios, run),
    kernel: tree.text("/proc/sys/kernel/osrelease"),
    operatingSystem: readOperatingSystem(tree),
    hostName: tree.text("/proc/sys/kernel/hostname"),
  };
}

/** From the kernel where it shows the table, else by dmidecode, which may know another way. */
async function readSmbios(
  tree: Tree,
  run: CommandRunner,
): Promise<Reading<readonly SmbiosStructure[]>> {
  const table = tree.raw(SMBIOS_TABLE);
  if (table.type === "known") {
    const structures = parseSmbios(table.value);
    return structures.length > 0 ? known(structures) : unknown("the SMBIOS table is empty");
  }
  const dumped = await run(["dmidecode", "--dump", "--quiet"], { timeoutMs: DMIDECODE_TIMEOUT_MS });
  if (dumped.type === "failed") return unknown(`${table.reason}, and ${dumped.reason}`);
  const structures = dumped.status === 0 ? parseSmbios(bytesOfDump(dumped.output)) : [];
  return structures.length > 0
    ? known(structures)
    : unknown(`${table.reason}, and dmidecode shows no table`);
}

/** dmidecode prints each structure's header and strings as lines of hexadecimal bytes. */
function bytesOfDump(output: string): Uint8Array {
  const bytes: number[] = [];
  for (const part of output.split(/^(?=Handle )/m)) {
    const sections = part.split(/^\s+Strings:\s*$/m);
    const header = hexLines(sections[0] ?? "");
    if (header.length === 0) continue;
    const strings = hexLines(sections[1] ?? "");
    bytes.push(...header, ...strings, ...(strings.length === 0 ? [0, 0] : [0]));
  }
  return Uint8Array.from(bytes);
}

function hexLines(text: string): number[] {
  const lines = text.split("\n").filter((line) => /^\s+([0-9A-F]{2} ?)+\s*$/.test(line));
  return lines.flatMap((line) =>
    line
      .trim()
      .split(/\s+/)
      .map((byte) => Number.parseInt(byte, 16)),
  );
}

function readOperatingSystem(tree: Tree): Reading<string> {
  const read = (path: string): Reading<string> => {
    const raw = tree.raw(path);
    if (raw.type === "unknown") return raw;
    const found = /^PRETTY_NAME=["']?(.*?)["']?$/m.exec(new TextDecoder().decode(raw.value));
    return found === null ? unknown(`${path} has no name`) : textReading(found[1] as string, path);
  };
  return firstKnown(
    () => read("/etc/os-release"),
    () => read("/usr/lib/os-release"),
  );
}
