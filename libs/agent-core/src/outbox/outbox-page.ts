/**
 * What an outbox gives out at once: facts in order behind `previous`, all of one boot.
 */
import type { Fact, OutboxPosition } from "@atoll/domain";

export interface OutboxPage {
  readonly previous: OutboxPosition;
  readonly first: OutboxPosition;
  readonly last: OutboxPosition;
  readonly facts: readonly Fact[];
}
