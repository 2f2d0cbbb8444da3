/**
 * What clients did to registers, as plain data.
 *
 * A history is a list of operations in any order. Times are integers of one clock that all clients
 * share: microseconds, or the count of events. Two operations are ordered when one returned
 * strictly before the other was invoked; equal times say nothing about order, which is the safe
 * side. An operation that is known not to have happened is left out of the history. Made by test
 * clients and by the parser; read by the checker.
 */

/** What a register holds. Undefined before the first write. */
export type Value = string | undefined;

/** What was asked for. */
export type Call =
  | { readonly kind: "read" }
  | { readonly kind: "write"; readonly value: string }
  /** Writes `value` when the register holds `expected`, else changes nothing. */
  | { readonly kind: "cas"; readonly expected: Value; readonly value: string };

/** What the client was told. */
export type Result =
  | { readonly type: "read"; readonly value: Value }
  /** A write took effect, or a compare-and-set found what it expected. */
  | { readonly type: "ok" }
  /** A compare-and-set found something else. */
  | { readonly type: "failed" };

export interface Operation {
  /** Who asked; for people only. */
  readonly process: string;
  readonly key: string;
  readonly call: Call;
  readonly invokedAt: number;
  /**
   * Undefined together with `result`: nobody knows whether it took effect. It may have, at any time
   * after `invokedAt`, or never.
   */
  readonly returned: { readonly at: number; readonly result: Result } | undefined;
}

/** Says why an operation makes no sense by itself; undefined when it does. */
export function operationProblem(operation: Operation): string | undefined {
  const { call, invokedAt, returned } = operation;
  if (!Number.isSafeInteger(invokedAt)) return `invoked at ${invokedAt}`;
  if (returned === undefined) return undefined;
  if (!Number.isSafeInteger(returned.at)) return `returned at ${returned.at}`;
  if (returned.at < invokedAt) return `returned at ${returned.at}, before ${invokedAt}`;
  const { type } = returned.result;
  const fits =
    (call.kind === "read" && type === "read") ||
    (call.kind === "write" && type === "ok") ||
    (call.kind === "cas" && type !== "read");
  return fits ? undefined : `a ${call.kind} does not return ${type}`;
}
