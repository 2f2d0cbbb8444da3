/**
 * A way to ask datacenters: a stream to one peer that answers questions, or passes them on.
 *
 * Questions of one turn of the loop leave as one frame. A question without an answer by its
 * deadline, or when the stream ends, is answered here: it may have been carried out. While the peer
 * owes answers for too long, nothing that changes something is sent: it is refused, which is
 * certain. Reads go on asking, so the end of the silence is noticed. How many may wait is bounded.
 */
import type { AskRequest, AskResponse, Question } from "@atoll/proto/atoll/peer/v1/peer";
import type { Clock } from "@atoll/stdx";
import type { CallContent, CallOutcome } from "../islands/caller.ts";
import { fromProtoAnswer } from "./answers.ts";
import type { FrameListener, FrameStream } from "./frame-stream.ts";

interface Pending {
  readonly question: Question;
  readonly deadlineMs: number;
  readonly done: (outcome: CallOutcome) => void;
}

const PENDING_MAX = 4_096;
const TICK_MS = 25;
/** A peer that owes an answer for as long is taken to be out of reach. */
const SILENCE_MS_MAX = 1_500;
const QUESTIONS_PER_FRAME_MAX = 512;
/** The peer answers so much earlier than who asks gives up, but never by more than a tenth. */
const ANSWER_MARGIN_MS_MAX = 100;
const ANSWER_MARGIN_SHARE = 0.1;

export class CallRoute implements FrameListener<AskResponse> {
  /** The datacenter of the peer. */
  readonly peer: string;
  readonly #clock: Clock;
  readonly #opened: () => void;
  readonly #gone: (reason: string) => void;
  readonly #pending = new Map<number, Pending>();
  #stream: FrameStream<AskRequest> | undefined;
  #queued: Question[] = [];
  #nextId = 1;
  #timer: NodeJS.Timeout | undefined;
  /** Since when nothing came though something was asked; the peer receipts what it gets. */
  #owesSinceMs: number | undefined;

  constructor(options: {
    readonly peer: string;
    readonly clock: Clock;
    readonly opened: () => void;
    /** The stream is over. */
    readonly gone: (reason: string) => void;
  }) {
    this.peer = options.peer;
    this.#clock = options.clock;
    this.#opened = options.opened;
    this.#gone = options.gone;
  }

  open(stream: FrameStream<AskRequest>): void {
    this.#stream = stream;
    this.#opened();
  }

  /**
   * Asks `datacenter`. `relayed`: the question came from another gateway already.
   *
   * Never throws; answers by `deadlineMs`, on the monotonic clock.
   */
  ask(
    content: CallContent,
    to: { readonly datacenter: string; readonly deadlineMs: number; readonly relayed: boolean },
  ): Promise<CallOutcome> {
    const stream = this.#stream;
    if (stream === undefined || stream.closed) {
      return Promise.resolve({
        type: "unreachable",
        uncertain: false,
        account: "the link is down",
      });
    }
    const nowMs = this.#clock.monotonicMs();
    const silentMs = nowMs - (this.#owesSinceMs ?? nowMs);
    if (content.$case === "submit" && silentMs >= SILENCE_MS_MAX) {
      const account = `datacenter ${this.peer} has not answered for ${Math.round(silentMs)} ms`;
      return Promise.resolve({ type: "unreachable", uncertain: false, account });
    }
    if (this.#pending.size >= PENDING_MAX) {
      const reason = `${PENDING_MAX} calls wait for ${this.peer} already, which is the most`;
      return Promise.resolve({ type: "refused", reason });
    }
    const { datacenter, deadlineMs, relayed } = to;
    const id = this.#nextId;
    this.#nextId += 1;
    const leftMs = deadlineMs - nowMs;
    const marginMs = Math.min(ANSWER_MARGIN_MS_MAX, leftMs * ANSWER_MARGIN_SHARE);
    const timeoutMs = Math.max(1, Math.floor(leftMs - marginMs));
    this.#owesSinceMs ??= nowMs;
    const question = { id, datacenter, timeoutMs, relayed, question: content };
    return new Promise((done) => {
      this.#pending.set(id, { question, deadlineMs, done });
      this.#timer ??= setInterval(() => this.#tick(), TICK_MS);
      if (this.#queued.length === 0) setImmediate(() => this.#flush());
      this.#queued.push(question);
    });
  }

  frame({ answers }: AskResponse): void {
    this.#owesSinceMs = undefined;
    for (const answer of answers) {
      const pending = this.#pending.get(answer.id);
      if (pending === undefined) continue;
      this.#pending.delete(answer.id);
      pending.done(fromProtoAnswer(answer));
    }
  }

  closed(reason: string): void {
    clearInterval(this.#timer);
    const waiting = [...this.#pending.values()];
    this.#pending.clear();
    this.#queued = [];
    this.#gone(reason);
    for (const { question, done } of waiting) {
      done({ type: "unreachable", uncertain: changes(question), account: reason });
    }
  }

  #flush(): void {
    while (this.#queued.length > 0) {
      const large = this.#queued.findIndex(isLarge);
      const most = Math.min(large < 0 ? QUESTIONS_PER_FRAME_MAX : large, QUESTIONS_PER_FRAME_MAX);
      const questions = this.#queued.splice(0, Math.max(1, most));
      this.#stream?.write({ questions });
    }
  }

  #tick(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [id, { question, deadlineMs, done }] of this.#pending) {
      if (nowMs < deadlineMs) continue;
      this.#pending.delete(id);
      const account = `datacenter ${this.peer} did not answer in time`;
      done({ type: "unreachable", uncertain: changes(question), account });
    }
    if (this.#pending.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** What may have text of any length goes in a frame of its own: a frame is bounded. */
function isLarge({ question }: Question): boolean {
  if (question?.$case !== "submit") return false;
  const kind = question.value.command?.$case;
  return kind === "applyRoles" || kind === "updateNode";
}

function changes({ question }: Question): boolean {
  return question?.$case === "submit" && !question.value.validateOnly;
}
