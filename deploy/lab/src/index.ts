/**
 * The lab as a library: for the story and for end-to-end tests.
 */
export { guestAgent } from "./guest-agent.ts";
export { Lab, startLab } from "./lab.ts";
export type { LabDatacenter } from "./lab-datacenter.ts";
export {
  labFilePath,
  readLabFile,
  type LabFile,
  type LabFileDatacenter,
  type LabFileProcess,
} from "./lab-file.ts";
export { LabProcess, type LabProcessState } from "./lab-process.ts";
export { Links, type LaneStatus, type LinkEnd, type Slowness } from "./links/links.ts";
export { LabError, type LabOptions, type NatsServers } from "./options.ts";
export { freePorts, type PortMap } from "./ports.ts";
export {
  isRunning,
  processesOfLab,
  signal,
  startTicksOf,
  type ProcessIdentity,
} from "./process-table.ts";
export { REPOSITORY_DIR } from "./topology.ts";
export type { AgentPlan, ProcessKind, ProcessSpec } from "./topology.ts";
export { isReady } from "./ready.ts";
