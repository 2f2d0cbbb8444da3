/**
 * Gets the entries that a damaged log lacks from the other replicas, again and again.
 *
 * Anyone may give them, and each some of them: another that is damaged elsewhere as well as one
 * that runs. It ends when nothing is missing, or when it is in vain: a majority runs whole without
 * this replica, and none of them has what is missing, as it is compacted there; or when more is
 * missing than the log takes in. Then the log is rebuilt from the leader instead. Else it waits for
 * those that are silent. Decides nothing about the log, which takes only what fits. Run by the
 * repair phase.
 */
import type { ReadEntriesRequest, ReadEntriesResponse } from "@atoll/proto/atoll/replica/v1/repair";
import type { SalvagedLog, UnknownSpan } from "@atoll/raft-level";
import type { ReplicaId } from "raft-ts";
import { entriesOf } from "./repair-service.ts";

/** An answer, or why there is none, in words. */
export type Asked = ReadEntriesResponse | string;

export interface LogRepairOptions {
  readonly log: Pick<SalvagedLog, "missing" | "fill" | "isFull">;
  readonly groupId: string;
  readonly self: ReplicaId;
  /** Where to begin to ask, as `host:port`; those that answer may name more. */
  readonly addresses: ReadonlyMap<ReplicaId, string>;
  readonly ask: (address: string, request: ReadEntriesRequest) => Promise<Asked>;
  /** Between two rounds that brought nothing. */
  readonly pause: () => Promise<void>;
  /** Called when {@link LogRepair.reason} has changed. */
  readonly changed: () => void;
}

export type RepairOutcome = "filled" | "inVain" | "tooMuch";

/** How many spans are named at most. */
const NAMED_MAX = 5;

export class LogRepair {
  readonly #options: LogRepairOptions;
  readonly #addresses: Map<ReplicaId, string>;
  /** What came of the last call to each. */
  readonly #heard = new Map<ReplicaId, string>();
  /** Those that run whole and did not have a span, by its end, in this round. */
  #without = new Map<string, ReadEntriesResponse[]>();
  #read = 0;
  #told = "";

  constructor(options: LogRepairOptions) {
    this.#options = options;
    this.#addresses = new Map(options.addresses);
    this.#addresses.delete(options.self);
  }

  /** How many entries came from others. */
  get read(): number {
    return this.#read;
  }

  /** All that are known, for others who ask. */
  get addresses(): ReadonlyMap<ReplicaId, string> {
    return this.#addresses;
  }

  /** What is missing and who was asked, for people. */
  get reason(): string {
    const { missing } = this.#options.log;
    const named = missing.slice(0, NAMED_MAX).map(({ from, to }) => `${from} to ${to}`);
    const more = missing.length > NAMED_MAX ? ` and ${missing.length - NAMED_MAX} more` : "";
    const asked = [...this.#addresses].map(([id, address]) => {
      return `replica ${id} at ${address}: ${this.#heard.get(id) ?? "not asked yet"}`;
    });
    const entries = `entries ${named.join(", ")}${more} are asked of the others`;
    return [entries, ...(asked.length > 0 ? asked : ["there is nobody to ask"])].join("; ");
  }

  /** @throws what `ask` and `pause` throw. */
  async run(): Promise<RepairOutcome> {
    const { log, pause } = this.#options;
    while (log.missing.length > 0) {
      const before = this.#read;
      this.#without = new Map();
      for (const [id, address] of [...this.#addresses]) await this.#askAll(id, address);
      if (log.isFull) return "tooMuch";
      if (log.missing.some((span) => this.#isGone(span))) return "inVain";
      if (this.#read > before) continue;
      this.#tell();
      await pause();
    }
    return "filled";
  }

  /** Takes all that one replica has. */
  async #askAll(id: ReplicaId, address: string): Promise<void> {
    const { log, groupId, ask } = this.#options;
    let place = 0;
    for (;;) {
      const span = log.missing[place];
      if (span === undefined || log.isFull) return;
      const { from: fromIndex, to: toIndex, termAtTo: toTerm } = span;
      const answer = await ask(address, { groupId, fromIndex, toIndex, toTerm });
      if (typeof answer === "string") {
        this.#heard.set(id, answer);
        return;
      }
      this.#learn(answer);
      // A span of which only the end came is asked for again, shorter.
      if (!this.#take(id, answer)) {
        this.#note(span, answer);
        place += 1;
      }
    }
  }

  #take(id: ReplicaId, answer: ReadEntriesResponse): boolean {
    const entries = entriesOf(answer);
    if (entries?.length === 0) {
      this.#heard.set(id, answer.whole ? "runs and does not have them" : "does not know them");
      return false;
    }
    const misfit =
      entries === undefined
        ? "one is of an unknown type"
        : this.#options.log.fill(entries, answer.previousTerm);
    if (misfit !== undefined) {
      this.#heard.set(id, `its entries do not fit: ${misfit}`);
      return false;
    }
    this.#read += answer.entries.length;
    this.#heard.set(id, "gave what it has");
    return true;
  }

  #note(span: UnknownSpan, answer: ReadEntriesResponse): void {
    if (!answer.whole || answer.entries.length > 0) return;
    const key = keyOf(span);
    this.#without.set(key, [...(this.#without.get(key) ?? []), answer]);
  }

  /** Whether a majority that does not need this replica runs without these entries. */
  #isGone(span: UnknownSpan): boolean {
    const answers = this.#without.get(keyOf(span)) ?? [];
    const without = new Set(answers.map(({ replica }) => replica));
    without.delete(this.#options.self);
    const isMajority = (voters: readonly ReplicaId[]): boolean =>
      voters.filter((voter) => without.has(voter)).length > voters.length / 2;
    return answers.some(
      ({ voters, outgoingVoters }) =>
        isMajority(voters) && (outgoingVoters.length === 0 || isMajority(outgoingVoters)),
    );
  }

  #learn({ addresses }: ReadEntriesResponse): void {
    for (const [id, address] of Object.entries(addresses)) {
      const replica = Number(id);
      if (replica !== this.#options.self && !this.#addresses.has(replica)) {
        this.#addresses.set(replica, address);
      }
    }
  }

  #tell(): void {
    const { reason } = this;
    if (reason === this.#told) return;
    this.#told = reason;
    this.#options.changed();
  }
}

function keyOf({ to, termAtTo }: UnknownSpan): string {
  return `${to}/${termAtTo}`;
}
