/**
 * What users want of nodes: roles with their services, files and rules.
 *
 * Specifications as users wrote them, templates not yet rendered. Checked as a whole by
 * `checkRoles`; rendered for one node by the planner.
 */
import type { RoleName, ServiceName } from "./names.ts";

export const ROLES_MAX = 1_000;
export const SERVICES_PER_ROLE_MAX = 64;
export const FILES_PER_ROLE_MAX = 64;
export const TEMPLATE_BYTES_MAX = 65_536;

export interface RoleSpec {
  readonly name: RoleName;
  readonly description: string;
  /** Which nodes get the role by themselves; absent: only nodes it is assigned to. */
  readonly match?: RoleMatch;
  /** What happens when a managed file was changed by hand. Default `restore`. */
  readonly drift: DriftPolicy;
  readonly files: readonly FileSpec[];
  readonly services: readonly ServiceSpec[];
}

export type DriftPolicy = "restore" | "report";

/** All given conditions must hold. A condition on an unknown reading does not hold. */
export interface RoleMatch {
  readonly labels: Readonly<Record<string, string>>;
  readonly location: Location;
  readonly hardware: HardwareMatch;
}

/** Where a node stands; an absent part means unset, or any in a match. */
export interface Location {
  readonly room?: string;
  readonly rack?: string;
  readonly position?: string;
}

export interface HardwareMatch {
  readonly architecture?: string;
  readonly coresMin?: number;
  readonly memoryMibMin?: number;
  readonly disksMin?: number;
}

export interface FileSpec {
  /** Absolute, normalised, without `..`. On a lab node relative to the node's own root. */
  readonly path: string;
  /** Four octal digits, for example `0644`. */
  readonly mode: string;
  /** Absent: the agent's own. */
  readonly owner?: string;
  readonly group?: string;
  /** Text with `{{ fact }}` in it. */
  readonly template: string;
}

export interface ServiceSpec {
  readonly name: ServiceName;
  readonly driver: "process" | "systemd";
  /** Process driver: program and arguments, templates allowed. Empty for systemd. */
  readonly command: readonly string[];
  /** Systemd driver: the unit. Empty for process. */
  readonly unit: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Names of services of the same role that must be healthy first. */
  readonly after: readonly ServiceName[];
  /** Paths of files of the same role; when one changes the service is restarted. */
  readonly restartOn: readonly string[];
  /** Absent: healthy as soon as it runs. */
  readonly health?: HealthCheck;
  /**
   * How long a stop may take before the process group is killed. 100 to 600,000; default 10,000.
   */
  readonly stopTimeoutMs: number;
}

export interface HealthCheck {
  readonly probe: HealthProbe;
  /** Default 1,000; 100 to 3,600,000. */
  readonly intervalMs: number;
  /** Default 1,000; 10 to `intervalMs` or more. */
  readonly timeoutMs: number;
  /** Consecutive successes that make it healthy. Default 1; 1 to 100. */
  readonly healthyAfter: number;
  /** Consecutive failures that make it unhealthy. Default 3; 1 to 100. */
  readonly unhealthyAfter: number;
}

export type HealthProbe =
  /** A status from 200 to 399 is a success. */
  | { readonly type: "http"; readonly url: string }
  | { readonly type: "tcp"; readonly host: string; readonly port: string }
  /** Exit status 0 is a success. */
  | { readonly type: "exec"; readonly command: readonly string[] };
