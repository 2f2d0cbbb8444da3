/**
 * Requests whose answers are awaited by callback: a bounded set of reply subjects on one
 * subscription.
 *
 * Costs no promise and no subscription per request. Every request ends exactly once: answered,
 * nobody there, too late, or disconnected. Used for publications (their acknowledgements) and for
 * orders (their replies).
 */
import { createInbox } from "@nats-io/transport-node";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { guarded } from "./bus-log.ts";

export type Outcome =
  | { readonly type: "answer"; readonly message: Msg }
  /** No subscriber, hence no stream, consumer or agent. */
  | { readonly type: "nobody" }
  | { readonly type: "late" }
  | { readonly type: "disconnected" };

interface Waiting {
  readonly timer: NodeJS.Timeout;
  readonly done: (outcome: Outcome) => void;
}

const NO_RESPONDERS = 503;

export class Answers {
  readonly #inboxPrefix: string;
  readonly #waiting = new Map<string, Waiting>();
  #inbox = "";
  #lastToken = 0;

  constructor(inboxPrefix: string) {
    this.#inboxPrefix = inboxPrefix;
  }

  /** How many requests wait. */
  get size(): number {
    return this.#waiting.size;
  }

  open(connection: NatsConnection): void {
    const inbox = `${createInbox(this.#inboxPrefix)}.`;
    this.#inbox = inbox;
    connection.subscribe(`${inbox}*`, {
      callback: (error, message) => {
        if (error === null) guarded(() => this.#answered(message, inbox));
      },
    });
  }

  /** Ends all requests: the connection that would bring their answers is gone. */
  close(): void {
    this.#inbox = "";
    for (const token of [...this.#waiting.keys()]) this.#settle(token, { type: "disconnected" });
  }

  /** The reply subject for one request. `done` is called once, never before this returns. */
  expect(timeoutMs: number, done: (outcome: Outcome) => void): string {
    this.#lastToken += 1;
    const token = this.#lastToken.toString(36);
    const late = (): void => guarded(() => this.#settle(token, { type: "late" }));
    this.#waiting.set(token, { timer: setTimeout(late, timeoutMs), done });
    return this.#inbox + token;
  }

  #answered(message: Msg, inbox: string): void {
    const token = message.subject.slice(inbox.length);
    const nobody = message.data.length === 0 && message.headers?.code === NO_RESPONDERS;
    this.#settle(token, nobody ? { type: "nobody" } : { type: "answer", message });
  }

  #settle(token: string, outcome: Outcome): void {
    const waiting = this.#waiting.get(token);
    if (waiting === undefined) return;
    this.#waiting.delete(token);
    clearTimeout(waiting.timer);
    waiting.done(outcome);
  }
}
