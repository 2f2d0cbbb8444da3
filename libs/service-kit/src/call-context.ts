/**
 * What a handler knows about the call it answers.
 *
 * Costs nothing until asked: the signal is made when first read, and no timer is ever set. A
 * handler that waits compares `deadlineMs` with the clock.
 */
import type { Clock } from "@atoll/stdx";
import { Metadata, type ServerUnaryCall, type ServerWritableStream, status } from "@grpc/grpc-js";
import { ApiError, invalidField } from "./api-error.ts";

export type AnyServerCall =
  | ServerUnaryCall<unknown, unknown>
  | ServerWritableStream<unknown, unknown>;

export const DEADLINE_DEFAULT_MS = 30_000;
export const UNARY_DEADLINE_MAX_MS = 60_000;
/**
 * Metadata by which a caller says who it is, believed only where the transport is
 * `insecure-for-lab`.
 */
export const ACTOR_KEY = "atoll-actor";
/** Put into the headers of a call whose `grpc-timeout` is malformed; see deadline-guard.ts. */
export const BAD_DEADLINE_KEY = "atoll-bad-deadline";

const MS_PER_SECOND = 1_000;
const ACTOR_PATTERN = /^[A-Za-z0-9][A-Za-z0-9@._-]{0,62}$/;
const ACTOR_UNKNOWN = "user/anonymous";

export class CallContext {
  /** On the monotonic clock; Infinity for streams without a deadline. */
  readonly deadlineMs: number;
  /** `user/NAME`. */
  readonly actor: string;
  /** As the caller sent it. */
  readonly metadata: Metadata;
  readonly #call: AnyServerCall;
  #signal: AbortSignal | undefined;
  #trailers: Metadata | undefined;

  constructor(call: AnyServerCall, deadlineMs: number) {
    this.#call = call;
    this.deadlineMs = deadlineMs;
    this.metadata = call.metadata;
    this.actor = readActor(call.metadata);
  }

  /** Aborted when the caller went away or its deadline passed. */
  get signal(): AbortSignal {
    if (this.#signal === undefined) {
      const controller = new AbortController();
      this.#signal = controller.signal;
      if (this.#call.cancelled) controller.abort();
      else this.#call.once("cancelled", () => controller.abort());
    }
    return this.#signal;
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  /** What the answer carries besides its message. */
  get trailers(): Metadata {
    this.#trailers ??= new Metadata();
    return this.#trailers;
  }

  /** {@link trailers}, or undefined when nothing was put there. */
  get trailersIfAny(): Metadata | undefined {
    return this.#trailers;
  }
}

/**
 * The deadline of a unary call: the caller's, at most a minute away; half a minute when it gave
 * none.
 */
export function unaryDeadlineMs(call: AnyServerCall, clock: Clock): number {
  const remainingMs = remainingOf(call, clock) ?? DEADLINE_DEFAULT_MS;
  return clock.monotonicMs() + Math.min(remainingMs, UNARY_DEADLINE_MAX_MS);
}

/** The deadline of a stream: the caller's, or Infinity. */
export function streamDeadlineMs(call: AnyServerCall, clock: Clock): number {
  const remainingMs = remainingOf(call, clock);
  return remainingMs === undefined ? Infinity : clock.monotonicMs() + remainingMs;
}

function remainingOf(call: AnyServerCall, clock: Clock): number | undefined {
  const [bad] = call.metadata.get(BAD_DEADLINE_KEY);
  if (bad !== undefined) {
    throw new ApiError(
      status.INVALID_ARGUMENT,
      `the deadline ${JSON.stringify(String(bad).slice(0, 32))} is not allowed: ` +
        "it is 1 to 8 digits and one of H M S m u n, not negative, for example 5S; " +
        `a unary call may last ${UNARY_DEADLINE_MAX_MS / MS_PER_SECOND} s`,
      { reason: "DEADLINE_INVALID" },
    );
  }
  const deadline = call.getDeadline();
  if (deadline === Infinity) return undefined;
  return Math.max(0, Number(deadline) - clock.realtimeMs());
}

function readActor(metadata: Metadata): string {
  const [value] = metadata.get(ACTOR_KEY);
  if (value === undefined) return ACTOR_UNKNOWN;
  if (typeof value === "string" && ACTOR_PATTERN.test(value)) return `user/${value}`;
  throw invalidField(
    ACTOR_KEY,
    "a caller's name is 1 to 63 letters, digits, @ . _ - and begins with a letter or digit",
    "ACTOR_INVALID",
  );
}
