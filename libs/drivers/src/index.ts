export type { ServiceChange, ServiceDriver } from "./services/port.ts";
export { openProcessDriver, type ProcessDriverOptions } from "./services/process/process-driver.ts";
export { openSystemdDriver, type SystemdDriverOptions } from "./services/systemd/systemd-driver.ts";
