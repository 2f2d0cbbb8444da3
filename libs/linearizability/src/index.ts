export type { CheckOptions, Verdict } from "./check.ts";
export { checkLinearizability } from "./check.ts";
export { describeVerdict } from "./describe.ts";
export type { Call, Operation, Result, Value } from "./operation.ts";
export type { ParsedHistory } from "./text.ts";
export { formatHistory, parseHistory } from "./text.ts";
