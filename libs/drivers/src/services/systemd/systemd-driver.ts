/**
 * The systemd driver: services as units of the machine's own service manager.
 *
 * Puts its parts together. Keeps only records, below one folder.
 */
import { join } from "node:path";
import { type Probe, probeHealth } from "../../health/probe.ts";
import { type CommandRunner, runCommand } from "../../run-command.ts";
import type { ServiceDriver } from "../port.ts";
import { readBootId } from "../process/proc.ts";
import { FileServiceRecords } from "../service-record.ts";
import { SupervisedServices } from "../supervised-services.ts";
import { Systemctl } from "./systemctl.ts";
import { SystemdBackend } from "./systemd-backend.ts";

export interface SystemdDriverOptions {
  readonly dataFolder: string;
  readonly onDamagedRecord: (file: string, error: unknown) => void;
  /** Default `systemctl`. */
  readonly program?: string;
  readonly run?: CommandRunner;
  readonly probe?: Probe;
}

/** Takes up the units that an earlier driver on the same folder had started. */
export async function openSystemdDriver(options: SystemdDriverOptions): Promise<ServiceDriver> {
  const systemctl = new Systemctl(options.program ?? "systemctl", options.run ?? runCommand);
  const records = await FileServiceRecords.open(
    join(options.dataFolder, "records"),
    options.onDamagedRecord,
  );
  return await SupervisedServices.open({
    backend: new SystemdBackend(systemctl),
    records,
    probe: options.probe ?? probeHealth,
    bootId: readBootId(),
  });
}
