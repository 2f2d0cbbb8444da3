/**
 * How much, how long and how often: every number that a plan rests on.
 *
 * They are part of what makes two leaders plan alike, so they are constants and not settings.
 * Read by the planner, and by the simulator's checks.
 */

/**
 * Wait before the second try in a row; it doubles with each further one. The first try is made
 * at once.
 */
export const BACKOFF_FIRST_MS = 1_000;
/** Longest wait between two tries. */
export const BACKOFF_MAX_MS = 60_000;
/** Failures in a row of one target after which its node is degraded. */
export const DEGRADED_AFTER_FAILURES = 3;

/** How long writing or removing a file may take. */
export const FILE_TIMEOUT_MS = 10_000;
/** How long a start may take, on top of the time that stopping an earlier instance may take. */
export const START_TIMEOUT_MS = 30_000;
/** How long a stop may take on top of the service's own stop timeout. */
export const STOP_MARGIN_MS = 10_000;
/** Stop timeout of a service whose specification nobody knows any more. */
export const STOP_TIMEOUT_DEFAULT_MS = 10_000;

/**
 * After a success, how long the agent's report of what it led to is awaited before the same is
 * ordered again. Agents report before they finish an action, so this is for the case that a batch
 * of facts ends between the two.
 */
export const REPORT_WAIT_MS = 2_000;

/** An order that is needed again within this time of its last success counts as a repetition. */
export const REPETITION_GAP_MS = 120_000;

/** Actions under way on one node at the same time; what is more waits for its turn. */
export const ACTIONS_OPEN_PER_NODE_MAX = 32;

/**
 * Nodes whose wanted digests are kept; beyond it the oldest are computed anew when they are
 * needed.
 */
export const NODES_CACHED_MAX = 131_072;
