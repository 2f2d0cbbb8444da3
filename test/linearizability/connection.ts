/**
 * One client's connection to one replica of the register service.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Answer, Request } from "./wire.ts";
import { lineReader } from "./wire.ts";

type WithoutId<R> = R extends Request ? Omit<R, "id"> : never;
export type Question = WithoutId<Request>;

export class RegisterConnection {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();
  #nextId = 1;
  #broken = false;

  constructor(port: number) {
    this.#socket = connect({ host: "127.0.0.1", port });
    this.#socket.setNoDelay(true);
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#break());
    this.#socket.on(
      "data",
      lineReader((line) => {
        const answer = JSON.parse(line) as Answer;
        this.#settle(answer.id, answer);
      }),
    );
  }

  get broken(): boolean {
    return this.#broken;
  }

  /** The answer; undefined when none came in time or the connection broke. Never rejects. */
  ask(question: Question, timeoutMs: number): Promise<Answer | undefined> {
    if (this.#broken) return Promise.resolve(undefined);
    const id = this.tell(question);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(id, undefined), timeoutMs);
      this.#waiting.set(id, (answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }

  /** Sends without waiting for an answer. */
  tell(question: Question): number {
    const id = this.#nextId;
    this.#nextId += 1;
    this.#socket.write(`${JSON.stringify({ id, ...question })}\n`);
    return id;
  }

  /** Closes once everything is sent. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#break();
    this.#socket.destroy();
  }

  #settle(id: number, answer: Answer | undefined): void {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(answer);
  }

  #break(): void {
    this.#broken = true;
    for (const id of this.#waiting.keys()) this.#settle(id, undefined);
  }
}
