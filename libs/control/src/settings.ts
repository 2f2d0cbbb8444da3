/**
 * The bounds and periods of the leader's loop.
 *
 * Every one is a default that the composition root may change; tests and the simulator shorten
 * them.
 */
import { DETECTION_DEFAULTS, type DetectionSettings } from "./detection-settings.ts";

export interface ControlSettings {
  /** User commands that may wait; more are refused as overloaded. */
  readonly commandsWaitingMax: number;
  /** User commands decided in one batch. */
  readonly commandsPerBatchMax: number;
  /** Stream messages decided in one batch. */
  readonly messagesPerBatchMax: number;
  /**
   * Facts after which a batch takes no further message: what one turn of the loop can do in a few
   * milliseconds.
   */
  readonly factsPerBatchMax: number;
  /** Nodes planned before one batch. */
  readonly plansPerBatchMax: number;
  /** Nodes of running operations looked at before one batch, beside the first of each. */
  readonly operationLooksPerBatchMax: number;
  /** When silence is a doubt, a suspicion, a verdict. */
  readonly detection: DetectionSettings;
  /**
   * How often one agent is told how far its facts are committed. Nobody waits for it: it only lets
   * the agent trim its outbox.
   */
  readonly directEveryMs: number;
  /** How often an order without an answer is sent again. */
  readonly resendOrderEveryMs: number;
  /** In how long every node is planned anew although nothing happened to it. */
  readonly replanAllEveryMs: number;
  /** Of these plans so many in a second at most: in a larger fleet one round takes longer. */
  readonly replansPerSecondMax: number;
  /**
   * Messages of the stream taken in without a new event after which the position alone is logged.
   */
  readonly positionLagMessagesMax: number;
}

export const CONTROL_DEFAULTS: ControlSettings = {
  commandsWaitingMax: 4_096,
  commandsPerBatchMax: 512,
  messagesPerBatchMax: 1_024,
  factsPerBatchMax: 1_000,
  plansPerBatchMax: 256,
  operationLooksPerBatchMax: 5_000,
  detection: DETECTION_DEFAULTS,
  directEveryMs: 500,
  resendOrderEveryMs: 1_000,
  replanAllEveryMs: 30_000,
  replansPerSecondMax: 500,
  positionLagMessagesMax: 10_000,
};
