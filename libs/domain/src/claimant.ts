/**
 * Who claims to be a node: agents as they name themselves.
 *
 * An instance is one start of one agent process; it tells copies of a data folder apart, which have
 * the same incarnation and count their starts alike. Nothing else said here is relied upon: it is
 * for people, who must find the machines.
 */
import type { OutboxPosition } from "./fact.ts";

/** One start of an agent. */
export interface AgentProcess {
  /** Drawn at each start. */
  readonly instance: string;
  readonly host: string;
  /** The kernel's. */
  readonly bootId: string;
  readonly pid: number;
  /** As the bus sees it; empty when that does not say. */
  readonly address: string;
}

export interface Claimant {
  readonly incarnation: string;
  readonly process: AgentProcess;
}

const SHORT_LENGTH = 8;

/** For example `pid 412 on db7 at 10.0.0.7 (instance 3f9c0a1e, incarnation 77b2c1d0)`. */
export function claimantText({ incarnation, process }: Claimant): string {
  const { host, pid, address, instance } = process;
  const place = address === "" ? host : `${host} at ${address}`;
  return `pid ${pid} on ${place} (instance ${short(instance)}, incarnation ${short(incarnation)})`;
}

/** Whether both may be of the same outbox: one that does not say is taken at its word. */
export function isSameInstance(left: OutboxPosition, right: OutboxPosition): boolean {
  const { instance } = left;
  return instance === undefined || right.instance === undefined || instance === right.instance;
}

function short(id: string): string {
  return id.slice(0, SHORT_LENGTH);
}
