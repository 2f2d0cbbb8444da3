/**
 * `lab.json`: which processes a lab has, for scripts, and for the next lab after a crash of this
 * one.
 *
 * Written whole and renamed into place at every change, so that a reader never sees half of it.
 */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PortMap } from "./ports.ts";
import type { ProcessIdentity } from "./process-table.ts";
import type { ProcessKind } from "./topology.ts";

export const LAB_FILE_VERSION = 2;

export interface LabFile {
  readonly version: typeof LAB_FILE_VERSION;
  /** The first one, and where it is; that is all for whoever knows of one only. */
  readonly datacenter: string;
  readonly gateway: string;
  readonly replicas: string;
  readonly natsUrl: string;
  readonly stateDir: string;
  /** The process that supervises the others. */
  readonly lab: ProcessIdentity;
  /** host:port where it takes the `atoll lab` commands; null while it does not. */
  readonly control: string | null;
  /** All of the lab's: `control`, `DATACENTER/PORT`. */
  readonly ports: PortMap;
  readonly datacenters: readonly LabFileDatacenter[];
  readonly processes: readonly LabFileProcess[];
}

export interface LabFileDatacenter {
  readonly name: string;
  /** host:port */
  readonly gateway: string;
  /** As ATOLL_REPLICAS has it. */
  readonly replicas: string;
  /** As ATOLL_NATS_URL has it: every nats-server, separated by commas. */
  readonly natsUrl: string;
  readonly stateDir: string;
}

export interface LabFileProcess {
  /** Unique in its datacenter. */
  readonly name: string;
  readonly datacenter: string;
  readonly kind: ProcessKind;
  /** null while it does not run. */
  readonly pid: number | null;
  readonly startTicks: number | null;
  readonly ports: PortMap;
  readonly dataDir: string;
  readonly logFile: string;
  /** Agents: where the node's files are. */
  readonly rootDir?: string;
}

export function labFilePath(stateDir: string): string {
  return join(stateDir, "lab.json");
}

export function writeLabFile(content: LabFile): void {
  const path = labFilePath(content.stateDir);
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(content, undefined, 2)}\n`);
  renameSync(temporary, path);
}

/** What an earlier lab wrote; undefined when there is nothing readable of this version. */
export function readLabFile(stateDir: string): LabFile | undefined {
  try {
    const content = JSON.parse(readFileSync(labFilePath(stateDir), "utf8")) as LabFile;
    return content.version === LAB_FILE_VERSION ? content : undefined;
  } catch {
    return undefined;
  }
}
