export type { ServiceChange, ServiceDriver } from "./services/port.ts";
export { openProcessDriver, type ProcessDriverOptions } from "./services/process/process-driver.ts";
export { openSystemdDriver, type SystemdDriverOptions } from "./services/systemd/systemd-driver.ts";
export { type FileChange, FileDriver, type FileDriverOptions } from "./config/file/file-driver.ts";
export { DriverError, type DriverErrorCode } from "./errors.ts";
export { KeyedSerial } from "./keyed-serial.ts";
export { replaceFile } from "./durable-file.ts";
export { type CommandRunner, runCommand } from "./run-command.ts";
export { type InventoryOptions, readInventory } from "./inventory/inventory-reader.ts";
