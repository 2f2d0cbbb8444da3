/**
 * The times and bounds by which silence of a node becomes a doubt, a suspicion, a verdict.
 *
 * All times are counted on the own monotonic clock of whoever counts. Agents send a heartbeat a
 * second. What they mean together, and how sure a verdict is: docs/operations/detection.md.
 */

export interface DetectionSettings {
  /** So many live replicas watch each shard. */
  readonly watchersPerShard: number;
  /** How often watched nodes are looked at. */
  readonly lookEveryMs: number;
  /** How often a replica tells the others what it hears. */
  readonly reportEveryMs: number;
  /**
   * A replica lives as long as a report of it that was made so recently is known here; what it
   * said counts as long.
   */
  readonly replicaLiveMs: number;
  /** A node that was silent for this long is probed. */
  readonly doubtAfterMs: number;
  /** A node that was silent for this long is suspected. */
  readonly suspectAfterMs: number;
  /** A node that was silent for this long is lost. */
  readonly lostAfterMs: number;
  /** How often one silent node is probed. */
  readonly probeEveryMs: number;
  /** How often one is that was probed as often as a verdict needs, or gets none for a while. */
  readonly probePatientlyEveryMs: number;
  /** How long an agent may take to answer a probe, apart from what the bus takes. */
  readonly answerWithinMs: number;
  /** A node that left fewer probes unanswered is not judged. */
  readonly probesMin: number;
  /** Probes that one replica sends in a second; more wait for their turn. */
  readonly probesPerSecondMax: number;
  /** A longer gap between two looks means that the own loop stood still. */
  readonly stallMs: number;
  /** Own reports that do not come back for this long mean that this replica is deaf. */
  readonly deafAfterMs: number;
  /**
   * After this replica was away from the bus, agents have this long to be heard for the first time.
   */
  readonly regroupMs: number;
  /** This share of a fault domain, in percent, that falls silent together is one cause. */
  readonly sightSharePercent: number;
  /** Fewer nodes than this are judged one by one, whatever their share. */
  readonly sightNodesMin: number;
  /** How long verdicts on nodes that fell silent together are put off. */
  readonly sightHoldMs: number;
  /** Silent nodes, and nodes that are back, in one report. */
  readonly nodesPerReportMax: number;
  /** Nodes in one report whose agents do not know what is committed. */
  readonly needsPerReportMax: number;
  /** An agent that is heard again after another, and again after this long, speaks by turns. */
  readonly claimantTurnMs: number;
  /** Of several agents under one name, one that was silent for this long is gone. */
  readonly claimantGoneMs: number;
  /** Names under which more than one agent speaks, in one report. */
  readonly contestedPerReportMax: number;
  /** Verdicts in one batch of the leader; more wait for the next. */
  readonly verdictsPerBatchMax: number;
}

export const DETECTION_DEFAULTS: DetectionSettings = {
  watchersPerShard: 2,
  lookEveryMs: 50,
  reportEveryMs: 100,
  replicaLiveMs: 1_500,
  doubtAfterMs: 1_300,
  suspectAfterMs: 2_100,
  lostAfterMs: 2_500,
  probeEveryMs: 100,
  probePatientlyEveryMs: 1_000,
  answerWithinMs: 100,
  probesMin: 8,
  probesPerSecondMax: 4_000,
  stallMs: 500,
  deafAfterMs: 1_500,
  regroupMs: 30_000,
  sightSharePercent: 30,
  sightNodesMin: 5,
  sightHoldMs: 30_000,
  nodesPerReportMax: 2_000,
  needsPerReportMax: 500,
  claimantTurnMs: 500,
  claimantGoneMs: 10_000,
  contestedPerReportMax: 100,
  verdictsPerBatchMax: 500,
};
