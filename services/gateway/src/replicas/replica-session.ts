/**
 * Calls to whoever leads, whatever happens to leaders meanwhile.
 *
 * A call goes to the replica that is believed to lead and is repeated, under the same request id,
 * until it has an answer or its deadline passes: after a hint, a broken stream, an unknown outcome,
 * an overload. A leader that says nothing for a moment is doubted and the others are asked. Callers
 * see one answer and no leader. The number of calls without an answer is bounded.
 *
 * States: settled (a leader is believed in) and seeking (nobody is; calls are parked until somebody
 * is found).
 */
import { type Reply, SubmitCommand } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { Log } from "@atoll/service-kit";
import type { Clock } from "@atoll/stdx";
import type { CallContent, Caller, CallOutcome } from "../islands/caller.ts";
import { LeaderSeeker } from "./leader-seeker.ts";
import type { ReplicaClients } from "./replica-clients.ts";
import { SessionStream } from "./session-stream.ts";

interface Pending {
  readonly id: number;
  readonly content: CallContent;
  readonly bytes: number;
  readonly deadlineMs: number;
  readonly done: (outcome: CallOutcome) => void;
  /** The replica that was sent the last copy; 0 while parked. */
  sentTo: number;
  sentAtMs: number;
  /** A copy may have been carried out without our knowing. */
  uncertain: boolean;
  /** Parked calls are not sent before this. */
  notBeforeMs: number;
  backoffMs: number;
}

export const CALLS_PENDING_MAX = 4_096;
/** A replica takes messages of 4 MiB; the frame around the command is small. */
const COMMAND_BYTES_MAX = 4_000_000;
const SMALL_COMMAND_BYTES = 512;
const TICK_MS = 25;
/** A believed leader that leaves a call unanswered for so long is doubted. */
const DOUBT_MS = 150;
const BACKOFF_FIRST_MS = 10;
const BACKOFF_MAX_MS = 500;

export class ReplicaSession implements Caller, Disposable {
  readonly #clients: ReplicaClients;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #seeker: LeaderSeeker;
  readonly #streams = new Map<number, SessionStream>();
  readonly #pending = new Map<number, Pending>();
  #leaderListener: (leader: number) => void = () => {};
  #lastContactMs: number | undefined;
  #leader = 0;
  #leaderTerm = 0;
  #doubtedAtMs = 0;
  #nextId = 1;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: {
    readonly clients: ReplicaClients;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#clients = options.clients;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#seeker = new LeaderSeeker(options.clients, options.clock);
  }

  /** The replica that is believed to lead; 0 while none is. */
  get leader(): number {
    return this.#leader;
  }

  get lastContactMs(): number | undefined {
    return this.#lastContactMs;
  }

  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Told of each replica that leadership is found at. */
  onLeader(listener: (leader: number) => void): void {
    this.#leaderListener = listener;
  }

  call(content: CallContent, deadlineMs: number): Promise<CallOutcome> {
    const bytes = sizeOf(content);
    const refusal = this.#refusal(bytes);
    if (refusal !== undefined) return Promise.resolve({ type: "refused", reason: refusal });
    return new Promise((done) => {
      const pending: Pending = {
        id: this.#nextId,
        content,
        bytes,
        deadlineMs,
        done,
        sentTo: 0,
        sentAtMs: 0,
        uncertain: false,
        notBeforeMs: 0,
        backoffMs: BACKOFF_FIRST_MS,
      };
      this.#nextId += 1;
      this.#pending.set(pending.id, pending);
      this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
      this.#send(pending);
    });
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    clearInterval(this.#timer);
    for (const stream of this.#streams.values()) stream.close();
    for (const pending of this.#pending.values()) {
      pending.done({ type: "failed", uncertain: pending.uncertain, account: "the gateway stops" });
    }
    this.#pending.clear();
  }

  #refusal(bytes: number): string | undefined {
    if (this.#disposed) return "the gateway stops";
    if (this.#pending.size >= CALLS_PENDING_MAX) {
      return `${CALLS_PENDING_MAX} calls wait for the orchestrator already, which is the most`;
    }
    if (bytes <= COMMAND_BYTES_MAX) return undefined;
    return `the command is ${bytes} bytes large; ${COMMAND_BYTES_MAX} are allowed`;
  }

  #send(pending: Pending): void {
    if (!this.#clients.has(this.#leader)) this.#leader = 0;
    if (this.#leader === 0) {
      pending.sentTo = 0;
      this.#seek();
      return;
    }
    pending.sentTo = this.#leader;
    pending.sentAtMs = this.#clock.monotonicMs();
    const call = { id: pending.id, call: pending.content };
    this.#streamTo(this.#leader).send({ call, bytes: pending.bytes });
  }

  #park(pending: Pending, delayMs: number): void {
    pending.sentTo = 0;
    pending.notBeforeMs = this.#clock.monotonicMs() + delayMs;
  }

  #streamTo(replica: number): SessionStream {
    const open = this.#streams.get(replica);
    if (open !== undefined && !open.broken) return open;
    const stream = new SessionStream(this.#clients.client(replica), {
      replied: (reply, groupId) => this.#replied(replica, reply, groupId),
      broken: (reason) => this.#broken(replica, reason),
    });
    this.#streams.set(replica, stream);
    return stream;
  }

  #replied(from: number, { id, reply }: Reply, groupId: string): void {
    this.#lastContactMs = this.#clock.monotonicMs();
    const pending = this.#pending.get(id);
    if (pending === undefined || reply === undefined) return;
    switch (reply.$case) {
      case "accepted":
        this.#finish(pending, { type: "accepted", ...reply.value, groupId });
        return;
      case "readReady":
        this.#finish(pending, { type: "ready", index: reply.value.index, groupId });
        return;
      case "rejected":
        this.#finish(pending, { type: "rejected", ...reply.value });
        return;
      case "notLeader":
        if (pending.sentTo === from) this.#redirected(pending, from, reply.value.leader);
        return;
      case "outcomeUnknown":
        pending.uncertain = true;
        if (pending.sentTo === from) this.#redirected(pending, from, 0);
        return;
      case "overloaded":
        if (pending.sentTo === from) this.#backOff(pending);
        return;
    }
  }

  /** `from` does not lead: follow its hint once, else search. */
  #redirected(pending: Pending, from: number, hint: number): void {
    if (this.#leader === from) {
      const usable =
        hint !== from && this.#clients.has(hint) && pending.backoffMs === BACKOFF_FIRST_MS;
      this.#believe(usable ? hint : 0, 0);
    }
    this.#backOff(pending, this.#leader === 0 ? undefined : 0);
  }

  #backOff(pending: Pending, delayMs: number = pending.backoffMs): void {
    pending.backoffMs = Math.min(BACKOFF_MAX_MS, pending.backoffMs * 2);
    if (delayMs === 0) this.#send(pending);
    else this.#park(pending, delayMs);
    if (this.#leader === 0) this.#seek();
  }

  #broken(replica: number, reason: string): void {
    if (this.#disposed) return;
    this.#log.info("a session broke", { replica, reason });
    if (this.#leader === replica) this.#believe(0, 0);
    for (const pending of this.#pending.values()) {
      if (pending.sentTo !== replica) continue;
      if (pending.content.$case === "submit") pending.uncertain = true;
      this.#park(pending, 0);
    }
    if (this.#pending.size > 0) this.#seek();
  }

  #finish(pending: Pending, outcome: CallOutcome): void {
    this.#pending.delete(pending.id);
    pending.done(outcome);
  }

  #believe(leader: number, term: number): void {
    if (term > 0) this.#leaderTerm = term;
    if (leader === this.#leader) return;
    this.#leader = leader;
    if (leader !== 0) {
      this.#log.info("following a leader", { leader, term });
      this.#leaderListener(leader);
    }
  }

  #seek(): void {
    this.#seeker.seek({
      wanted: () => this.#pending.size > 0 && !this.#disposed,
      found: ({ leader, term }) => {
        if (this.#disposed) return;
        // A search begun in doubt may find the same leader again: its calls stay where they are.
        const moved = leader !== this.#leader && term >= this.#leaderTerm;
        if (moved || this.#leader === 0) this.#believe(leader, term);
        for (const pending of this.#pending.values()) {
          if (pending.sentTo === 0) this.#sendParked(pending);
          else if (moved && pending.sentTo !== this.#leader) this.#repeat(pending);
        }
      },
    });
  }

  #sendParked(pending: Pending): void {
    if (pending.notBeforeMs <= this.#clock.monotonicMs()) this.#send(pending);
  }

  /** Sends another copy elsewhere while the first may still be under way. */
  #repeat(pending: Pending): void {
    if (pending.content.$case === "submit") pending.uncertain = true;
    this.#send(pending);
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    let doubt = false;
    for (const pending of this.#pending.values()) {
      if (nowMs >= pending.deadlineMs) {
        const sent = pending.sentTo !== 0 && pending.content.$case === "submit";
        const uncertain = pending.uncertain || sent;
        this.#finish(pending, { type: "failed", uncertain, account: this.#account() });
      } else if (pending.sentTo === 0) {
        this.#sendParked(pending);
      } else if (nowMs - pending.sentAtMs >= DOUBT_MS) {
        doubt = true;
      }
    }
    if (doubt && nowMs - this.#doubtedAtMs >= DOUBT_MS) {
      this.#doubtedAtMs = nowMs;
      this.#seek();
    }
    if (this.#pending.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #account(): string {
    if (this.#leader !== 0) return `replica ${this.#leader} leads and has not answered in time`;
    return this.#seeker.account === "" ? "no replica has answered" : this.#seeker.account;
  }
}

/** Commands with text of any length are measured; the others are small by what handlers check. */
function sizeOf(content: CallContent): number {
  if (content.$case !== "submit") return SMALL_COMMAND_BYTES;
  const kind = content.value.command?.$case;
  if (kind !== "applyRoles" && kind !== "updateNode") return SMALL_COMMAND_BYTES;
  return SubmitCommand.encode(content.value).finish().length;
}
