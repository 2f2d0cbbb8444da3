/**
 * The board management controller: whether there is one, where it listens, what it runs.
 *
 * "None" is said only when the firmware's table was read and lists none.
 */
import type { Bmc, Reading } from "@atoll/domain";
import { known, unknown } from "@atoll/domain";
import type { CommandRunner } from "../run-command.ts";
import { firstKnown, textReading, type Tree } from "./reading.ts";
import { type SmbiosStructure, SmbiosType } from "./smbios.ts";

const IPMITOOL_TIMEOUT_MS = 5_000;
const DEVICES = ["/dev/ipmi0", "/dev/ipmi/0", "/dev/ipmidev/0"];

export async function readBmc(
  tree: Tree,
  smbios: Reading<readonly SmbiosStructure[]>,
  run: CommandRunner,
): Promise<Reading<Bmc>> {
  const device = findDevice(tree);
  const listed =
    smbios.type === "known" && smbios.value.some((each) => each.type === SmbiosType.ipmi);
  if (device === undefined && smbios.type === "unknown") {
    return unknown(`no IPMI device, and ${smbios.reason}`);
  }
  if (device === undefined && !listed) return known(absent());
  if (device === undefined) {
    const reason = "the kernel has no IPMI device for it";
    return known({
      present: true,
      interfaceName: unknown(reason),
      address: unknown(reason),
      firmware: unknown(reason),
    });
  }
  return known({
    present: true,
    interfaceName: known(device),
    address: await readAddress(run),
    firmware: await readFirmware(tree, device, run),
  });
}

function absent(): Bmc {
  const reason = "there is no BMC";
  return {
    present: false,
    interfaceName: unknown(reason),
    address: unknown(reason),
    firmware: unknown(reason),
  };
}

function findDevice(tree: Tree): string | undefined {
  const classes = tree.names("/sys/class/ipmi");
  if (classes.type === "known" && classes.value.length > 0) return classes.value[0];
  for (const path of DEVICES) {
    const folder = tree.names(path.slice(0, path.lastIndexOf("/")));
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (folder.type === "known" && folder.value.includes(name)) return path.slice("/dev/".length);
  }
  return undefined;
}

async function readAddress(run: CommandRunner): Promise<Reading<string>> {
  const printed = await ask(run, ["ipmitool", "lan", "print"]);
  if (printed.type === "unknown") return printed;
  const found = /^IP Address\s+:\s*(\S+)\s*$/m.exec(printed.value);
  if (found === null) return unknown("ipmitool lan print shows no address");
  return found[1] === "0.0.0.0" ? unknown("the BMC has no address") : known(found[1] as string);
}

async function readFirmware(
  tree: Tree,
  device: string,
  run: CommandRunner,
): Promise<Reading<string>> {
  const attribute = firstKnown(
    () => tree.text(`/sys/class/ipmi/${device}/device/bmc/firmware_revision`),
    () => tree.text(`/sys/class/ipmi/${device}/device/firmware_revision`),
  );
  if (attribute.type === "known") return attribute;
  const printed = await ask(run, ["ipmitool", "mc", "info"]);
  if (printed.type === "unknown") return printed;
  const found = /^Firmware Revision\s+:\s*(.+)$/m.exec(printed.value);
  if (found === null) return unknown("ipmitool mc info shows no firmware revision");
  return textReading(found[1] as string, "ipmitool mc info");
}

async function ask(run: CommandRunner, command: readonly string[]): Promise<Reading<string>> {
  const result = await run(command, { timeoutMs: IPMITOOL_TIMEOUT_MS });
  if (result.type === "failed") return unknown(result.reason);
  if (result.status === 0) return known(result.output);
  const said = result.errorOutput.trim().split("\n")[0] ?? "";
  return unknown(`${command.join(" ")} ended with status ${result.status}: ${said.slice(0, 120)}`);
}
