/**
 * What became of a message from outside: a value that was checked in full, or the reason why it is
 * none.
 */
import { DecodeError } from "./decode-error.ts";

export type Decoded<T> =
  | { readonly type: "decoded"; readonly value: T }
  /** For logs and counters: says what is wrong, foreign text in it is shortened and escaped. */
  | { readonly type: "undecodable"; readonly reason: string };

/** Longer reasons are cut: the message chose part of their text. */
const REASON_LENGTH_MAX = 300;

/**
 * Runs a decoder. Whatever protobuf or a check throws at foreign bytes becomes a reason; no input
 * crashes the caller.
 */
export function attempt<T>(decode: () => T): Decoded<T> {
  try {
    return { type: "decoded", value: decode() };
  } catch (error) {
    const reason = error instanceof Error ? error.message : "not a message";
    return { type: "undecodable", reason: reason.slice(0, REASON_LENGTH_MAX) };
  }
}

/**
 * Runs a decoder of our own store: whatever is thrown becomes a {@link DecodeError} that says what
 * was read.
 */
export function decodeOwn<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown";
    throw new DecodeError(`${what} cannot be decoded: ${reason}`, { cause: error });
  }
}
