/**
 * Finds out which replica leads.
 *
 * Asks all of them at once and is content when a majority has answered and one of those leads in
 * the newest term that any of them knows. Asks again until there is one. One search at a time,
 * however many wait for it.
 */
import type { Clock } from "@atoll/stdx";
import type { ReplicaClients, StatusAnswer } from "./replica-clients.ts";

const ANSWER_MS_MAX = 250;
/**
 * Once a majority has answered the others get this long: one that is stopped must not hold us up.
 */
const STRAGGLER_MS_MAX = 25;
/** Elections take a fraction of a second: ask often at first, seldom later. */
const PAUSE_FIRST_MS = 10;
const PAUSE_GROWTH = 1.1;
const PAUSE_MAX_MS = 250;

export interface SeekResult {
  /** 0 when nobody was found to lead. */
  readonly leader: number;
  readonly term: number;
  /** What each replica said, for people. */
  readonly account: string;
}

/** Whom it asks. */
export type StatusSource = Pick<ReplicaClients, "ids" | "majority" | "status">;

export class LeaderSeeker {
  readonly #clients: StatusSource;
  readonly #clock: Clock;
  #running = false;
  #account = "";

  constructor(clients: StatusSource, clock: Clock) {
    this.#clients = clients;
    this.#clock = clock;
  }

  /** What the replicas said when last asked. */
  get account(): string {
    return this.#account;
  }

  get running(): boolean {
    return this.#running;
  }

  /**
   * Calls `found` once somebody leads; gives up when `wanted` says no. Does nothing while a search
   * runs.
   */
  seek(options: {
    readonly wanted: () => boolean;
    readonly found: (result: SeekResult) => void;
  }): void {
    if (this.#running) return;
    this.#running = true;
    let pauseMs = PAUSE_FIRST_MS;
    const round = async (): Promise<void> => {
      const startMs = this.#clock.monotonicMs();
      const result = await this.#ask();
      this.#account = result.account;
      if (result.leader !== 0) {
        this.#running = false;
        options.found(result);
      } else if (!options.wanted()) {
        this.#running = false;
      } else {
        const spentMs = this.#clock.monotonicMs() - startMs;
        setTimeout(() => void round(), Math.max(1, pauseMs - spentMs));
        pauseMs = Math.min(PAUSE_MAX_MS, pauseMs * PAUSE_GROWTH);
      }
    };
    void round();
  }

  /** Asks every replica once. */
  #ask(): Promise<SeekResult> {
    const { ids, majority } = this.#clients;
    const answers = new Map<number, StatusAnswer>();
    return new Promise((resolve) => {
      let stragglers: NodeJS.Timeout | undefined;
      function settle(): void {
        clearTimeout(stragglers);
        resolve(conclude(answers));
      }
      for (const id of ids) {
        void this.#clients.status(id, ANSWER_MS_MAX).then((answer) => {
          answers.set(id, answer);
          const heard = [...answers.values()].filter(({ type }) => type === "answered").length;
          if (answers.size === ids.length) settle();
          else if (heard >= majority && conclude(answers).leader !== 0) settle();
          else if (heard >= majority) stragglers ??= setTimeout(settle, STRAGGLER_MS_MAX);
        });
      }
    });
  }
}

/**
 * A claim to lead counts in the newest term that anybody has heard of: of every majority somebody
 * knows it.
 */
function conclude(answers: ReadonlyMap<number, StatusAnswer>): SeekResult {
  let leader = 0;
  let term = 0;
  const account: string[] = [];
  for (const [id, answer] of answers) {
    if (answer.type === "silent") {
      account.push(`replica ${id} does not answer`);
      continue;
    }
    const { status } = answer;
    account.push(`replica ${id} is ${status.role} in term ${status.term}`);
    if (status.term > term) [leader, term] = [0, status.term];
    if (status.role === "leader" && status.term === term) leader = id;
  }
  return { leader, term, account: account.join(", ") };
}
