/**
 * The lab as a library: for the story and for end-to-end tests.
 */
export { Lab, startLab } from "./lab.ts";
export { readLabFile, type LabFile, type LabFileProcess } from "./lab-file.ts";
export { LabProcess, type LabProcessState } from "./lab-process.ts";
export { LabError, type LabOptions } from "./options.ts";
export { isRunning, processesOfLab, startTicksOf, type ProcessIdentity } from "./process-table.ts";
export type { AgentPlan, ProcessKind, ProcessSpec } from "./topology.ts";
