/**
 * Opens the drivers: adopts the services that run and inspects the files that are managed.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { NodeServices } from "@atoll/agent-core";
import { FileDriver, openProcessDriver, openSystemdDriver } from "@atoll/drivers";
import type { Config } from "./config.ts";
import type { Events } from "./events.ts";

export interface Drivers {
  readonly services: NodeServices;
  readonly files: FileDriver;
}

export async function openDrivers(
  { dataDir, rootDir }: Config,
  events: Events,
  stack: AsyncDisposableStack,
): Promise<Drivers> {
  const onDamagedRecord = (file: string, error: unknown): void => events.recordDamaged(file, error);
  await mkdir(rootDir, { recursive: true });
  const services = new NodeServices({
    process: await openProcessDriver({
      dataFolder: join(dataDir, "process"),
      workingFolder: rootDir,
      onDamagedRecord,
    }),
    systemd: await openSystemdDriver({ dataFolder: join(dataDir, "systemd"), onDamagedRecord }),
  });
  stack.use(services);
  const files = await FileDriver.open({
    rootFolder: rootDir,
    dataFolder: join(dataDir, "files"),
    onDamagedRecord,
  });
  stack.use(files);
  return { services, files };
}
