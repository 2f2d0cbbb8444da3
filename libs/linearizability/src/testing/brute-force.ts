/**
 * A checker that is slow and obvious: it tries every order of every choice.
 *
 * Written from the definition and sharing nothing with the search but the type of operations, so
 * that the two can be compared. Good for some seven operations of one key. Used by tests alone.
 */
import type { Operation, Value } from "../operation.ts";

/** Whether some order of the known operations and some of the unknown ones explains everything. */
export function isLinearizableByForce(history: readonly Operation[]): boolean {
  return extend(history, undefined);
}

function extend(left: readonly Operation[], value: Value): boolean {
  if (left.every((operation) => operation.returned === undefined)) return true;
  return left.some((next) => {
    const others = left.filter((operation) => operation !== next);
    // Real time: nothing that is placed later may have returned before this one was invoked.
    const late = others.some(
      ({ returned }) => returned !== undefined && returned.at < next.invokedAt,
    );
    if (late) return false;
    const after = perform(next, value);
    return after !== "impossible" && extend(others, after.value);
  });
}

function perform(operation: Operation, value: Value): { value: Value } | "impossible" {
  const { call, returned } = operation;
  if (call.kind === "write") return { value: call.value };
  if (call.kind === "read") {
    const told = returned?.result;
    if (told === undefined) return { value };
    return told.type === "read" && told.value === value ? { value } : "impossible";
  }
  const swaps = call.expected === value;
  if (returned?.result.type === "ok" && !swaps) return "impossible";
  if (returned?.result.type === "failed" && swaps) return "impossible";
  return { value: swaps ? call.value : value };
}
