/**
 * Words and styles for the states of the API.
 *
 * One table per enumeration, so that a state has the same word and colour in every command. A
 * value that a newer gateway may send and this command does not know shows as `unknown`.
 */
import { ActionStatus } from "@atoll/proto/atoll/v1/action";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import { OperationStatus } from "@atoll/proto/atoll/v1/operation";
import { FileStatus, ServiceStatus } from "@atoll/proto/atoll/type/v1/observation";
import type { Style } from "./style.ts";
import type { Cell } from "./table.ts";

interface Word {
  readonly text: string;
  readonly style: Style;
}

const UNKNOWN: Word = { text: "unknown", style: "warning" };

const NODE_STATES: Readonly<Record<number, Word>> = {
  [NodeState.NODE_STATE_DISCOVERED]: { text: "discovered", style: "accent" },
  [NodeState.NODE_STATE_CONFIGURING]: { text: "configuring", style: "warning" },
  [NodeState.NODE_STATE_READY]: { text: "ready", style: "good" },
  [NodeState.NODE_STATE_DEGRADED]: { text: "degraded", style: "bad" },
  [NodeState.NODE_STATE_MAINTENANCE]: { text: "maintenance", style: "accent" },
  [NodeState.NODE_STATE_SUSPECTED]: { text: "suspected", style: "warning" },
  [NodeState.NODE_STATE_CONTESTED]: { text: "contested", style: "bad" },
  [NodeState.NODE_STATE_LOST]: { text: "lost", style: "bad" },
};

const SERVICE_STATUSES: Readonly<Record<number, Word>> = {
  [ServiceStatus.SERVICE_STATUS_STARTING]: { text: "starting", style: "warning" },
  [ServiceStatus.SERVICE_STATUS_HEALTHY]: { text: "healthy", style: "good" },
  [ServiceStatus.SERVICE_STATUS_UNHEALTHY]: { text: "unhealthy", style: "bad" },
  [ServiceStatus.SERVICE_STATUS_STOPPED]: { text: "stopped", style: "faint" },
  [ServiceStatus.SERVICE_STATUS_CRASHED]: { text: "crashed", style: "bad" },
};

const FILE_STATUSES: Readonly<Record<number, Word>> = {
  [FileStatus.FILE_STATUS_IN_SYNC]: { text: "in sync", style: "good" },
  [FileStatus.FILE_STATUS_DRIFTED]: { text: "drifted", style: "bad" },
  [FileStatus.FILE_STATUS_MISSING]: { text: "missing", style: "bad" },
};

const ACTION_STATUSES: Readonly<Record<number, Word>> = {
  [ActionStatus.ACTION_STATUS_PLANNED]: { text: "planned", style: "warning" },
  [ActionStatus.ACTION_STATUS_SUCCEEDED]: { text: "succeeded", style: "good" },
  [ActionStatus.ACTION_STATUS_FAILED]: { text: "failed", style: "bad" },
  [ActionStatus.ACTION_STATUS_TIMED_OUT]: { text: "timed out", style: "bad" },
  [ActionStatus.ACTION_STATUS_CANCELLED]: { text: "cancelled", style: "faint" },
};

const OPERATION_STATUSES: Readonly<Record<number, Word>> = {
  [OperationStatus.OPERATION_STATUS_RUNNING]: { text: "running", style: "warning" },
  [OperationStatus.OPERATION_STATUS_SUCCEEDED]: { text: "succeeded", style: "good" },
  [OperationStatus.OPERATION_STATUS_CANCELLED]: { text: "cancelled", style: "faint" },
};

export function nodeStateCell(state: NodeState): Word & Cell {
  return NODE_STATES[state] ?? UNKNOWN;
}

export function serviceStatusCell(status: ServiceStatus): Word & Cell {
  return SERVICE_STATUSES[status] ?? UNKNOWN;
}

export function fileStatusCell(status: FileStatus): Word & Cell {
  return FILE_STATUSES[status] ?? UNKNOWN;
}

export function actionStatusCell(status: ActionStatus): Word & Cell {
  return ACTION_STATUSES[status] ?? UNKNOWN;
}

export function operationStatusCell(status: OperationStatus): Word & Cell {
  return OPERATION_STATUSES[status] ?? UNKNOWN;
}
