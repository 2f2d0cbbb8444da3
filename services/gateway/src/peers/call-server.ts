/**
 * Answers the questions of a peer: those for the home there, others once removed, over a link of
 * this gateway.
 *
 * What arrives is receipted at once. Answers of one turn of the loop leave as one frame. A peer may
 * have a bounded number of questions without an answer; more are refused.
 */
import type { Answer, AskRequest, AskResponse, Question } from "@atoll/proto/atoll/peer/v1/peer";
import type { Clock } from "@atoll/stdx";
import type { CallOutcome } from "../islands/caller.ts";
import { toProtoAnswer } from "./answers.ts";
import type { FrameListener, FrameStream } from "./frame-stream.ts";
import type { Ask } from "./peer-caller.ts";

const PENDING_MAX = 8_192;
/** Who asks gives up after as long. */
const TIMEOUT_MS_MAX = 120_000;

export class CallServer implements FrameListener<AskRequest> {
  readonly #ask: Ask;
  readonly #clock: Clock;
  #stream: FrameStream<AskResponse> | undefined;
  #answers: Answer[] = [];
  #pending = 0;

  constructor(options: { readonly ask: Ask; readonly clock: Clock }) {
    this.#ask = options.ask;
    this.#clock = options.clock;
  }

  /** Writes to `stream` from now on. */
  open(stream: FrameStream<AskResponse>): void {
    this.#stream = stream;
  }

  frame({ questions }: AskRequest): void {
    // That it has arrived; the answers may take a while.
    this.#stream?.write({ answers: [] });
    for (const question of questions) {
      this.#pending += 1;
      void this.#answer(question).then((outcome) => this.#reply(question.id, outcome));
    }
  }

  closed(): void {
    this.#answers = [];
  }

  #answer({ question, datacenter, timeoutMs, relayed }: Question): Promise<CallOutcome> {
    if (this.#pending > PENDING_MAX) {
      const reason = `${PENDING_MAX} calls of this link wait already`;
      return Promise.resolve({ type: "refused", reason });
    }
    if (question === undefined) {
      const reason = "this gateway does not know such a call";
      return Promise.resolve({ type: "rejected", code: "invalidArgument", reason, violations: [] });
    }
    const deadlineMs = this.#clock.monotonicMs() + Math.min(timeoutMs, TIMEOUT_MS_MAX);
    return this.#ask(question, { datacenter, deadlineMs, mayRelay: !relayed });
  }

  #reply(id: number, outcome: CallOutcome): void {
    this.#pending -= 1;
    if (this.#answers.length === 0) setImmediate(() => this.#flush());
    this.#answers.push(toProtoAnswer(id, outcome));
  }

  #flush(): void {
    const answers = this.#answers;
    this.#answers = [];
    if (answers.length > 0) this.#stream?.write({ answers });
  }
}
