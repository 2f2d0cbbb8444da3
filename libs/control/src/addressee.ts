/**
 * For whom an order on a node is: the agent whose facts the log holds, and no copy of it.
 */
import type { NodeState } from "@atoll/domain";

export interface Addressee {
  readonly incarnation: string;
  /** Absent when its agent named none. */
  readonly instance?: string;
}

export function addresseeOf({ incarnation, watermark }: NodeState): Addressee {
  const { instance } = watermark;
  return instance === undefined ? { incarnation } : { incarnation, instance };
}
