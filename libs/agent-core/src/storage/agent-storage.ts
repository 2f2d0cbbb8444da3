/**
 * What an agent keeps across its crashes, opened: whatever disk is below.
 */
import type { ActionJournal } from "../actions/action-journal.ts";
import type { Maintenance } from "../link/maintenance.ts";
import type { Outbox } from "../outbox/outbox.ts";
import type { AgentDatabase } from "./agent-database.ts";

/** Who an agent is: an incarnation that lasts as long as its disk, and a count of its starts. */
export interface Identity {
  readonly incarnation: string;
  /** Of this start; the first is 1. */
  readonly boot: number;
}

export interface AgentStorage {
  readonly database: AgentDatabase;
  readonly outbox: Outbox;
  readonly journal: ActionJournal;
  readonly maintenance: Maintenance;
  readonly identity: () => Identity;
  /**
   * Takes another incarnation: forgets what was done, apart from the term, and takes along what is
   * not committed.
   */
  startOver(): Promise<void>;
}
