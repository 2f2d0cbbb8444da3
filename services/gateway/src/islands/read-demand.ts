/**
 * What the caller of a read demands of its answer.
 */

/**
 * - `exact`: up to date when the call came, or no answer.
 * - `mirror`: what this gateway knows, at once.
 * - undefined: of the gateway's own datacenter up to date if that can be had in a moment; of others
 *   what this gateway knows.
 */
export type Consistency = "exact" | "mirror" | undefined;

export interface ReadDemand {
  /** On the monotonic clock. */
  readonly deadlineMs: number;
  readonly consistency: Consistency;
  /** The answer must include each of these datacenters' logs up to there. */
  readonly atLeast: ReadonlyMap<string, number>;
}
