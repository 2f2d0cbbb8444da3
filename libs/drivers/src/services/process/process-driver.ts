/**
 * The process driver: services as processes that the agent supervises.
 *
 * Puts its parts together. Everything it keeps lies below one folder: `records/` and `logs/`.
 */
import { join } from "node:path";
import { type Probe, probeHealth } from "../../health/probe.ts";
import type { ServiceDriver } from "../port.ts";
import { FileServiceRecords } from "../service-record.ts";
import { SupervisedServices } from "../supervised-services.ts";
import { readBootId } from "./proc.ts";
import { ProcessBackend } from "./process-backend.ts";
import { ServiceLogs } from "./service-logs.ts";

export interface ProcessDriverOptions {
  readonly dataFolder: string;
  /** Where programs run. Must exist. */
  readonly workingFolder: string;
  /** Told of records that cannot be read. */
  readonly onDamagedRecord: (file: string, error: unknown) => void;
  readonly logBytesMax?: number;
  readonly probe?: Probe;
}

/** Adopts what an earlier driver on the same folder had started. */
export async function openProcessDriver(options: ProcessDriverOptions): Promise<ServiceDriver> {
  const bootId = readBootId();
  const logs = await ServiceLogs.open(join(options.dataFolder, "logs"), options.logBytesMax);
  const records = await FileServiceRecords.open(
    join(options.dataFolder, "records"),
    options.onDamagedRecord,
  );
  const { workingFolder } = options;
  return await SupervisedServices.open({
    backend: new ProcessBackend({ workingFolder, logs, bootId }),
    records,
    probe: options.probe ?? probeHealth,
    bootId,
  });
}
