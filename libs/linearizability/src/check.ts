/**
 * Decides whether a history of registers is linearizable.
 *
 * Linearizability is local (Herlihy and Wing, 1990): a history is linearizable when the part of
 * each key is. So each key is searched for itself, which keeps the search short. Before that,
 * operations that cannot matter are left out: reads of unknown outcome, and unknown writes of
 * values that nobody saw. Called by simulations and by the suites with real processes.
 */
import { assert } from "@atoll/stdx";
import { REGISTER } from "./model.ts";
import type { Operation, Value } from "./operation.ts";
import { operationProblem } from "./operation.ts";
import { findOrder } from "./search.ts";

export type Verdict =
  | { readonly type: "linearizable"; readonly work: number }
  | {
      readonly type: "notLinearizable";
      readonly key: string;
      /** The longest order that was found, up to where nothing could follow. */
      readonly placed: readonly Operation[];
      /** What the register held there. */
      readonly value: Value;
      /** This operation had returned, and what it returned fits nowhere. */
      readonly stuckAt: Operation;
    }
  /** The bound on the work was reached: nothing is known about `key`, nor about those after it. */
  | { readonly type: "gaveUp"; readonly key: string; readonly work: number };

export interface CheckOptions {
  /**
   * How many times an operation is tried at some place, over all keys, 1 or more. Default
   * {@link DEFAULT_WORK_MAX}.
   */
  readonly workMax?: number;
}

/** Some seconds and some hundred megabytes; histories without faults need 2 or 3 per operation. */
export const DEFAULT_WORK_MAX = 3_000_000;

/**
 * @param history operations in any order; an operation that makes no sense is a bug of the caller.
 */
export function checkLinearizability(
  history: readonly Operation[],
  options: CheckOptions = {},
): Verdict {
  let workLeft = options.workMax ?? DEFAULT_WORK_MAX;
  let work = 0;
  for (const [key, operations] of byKey(history)) {
    const relevant = withoutIrrelevant(operations);
    const steps = relevant.map((step) => ({
      step,
      invokedAt: step.invokedAt,
      returnedAt: step.returned?.at,
    }));
    const result = findOrder(REGISTER, steps, workLeft);
    work += result.work;
    workLeft = Math.max(1, workLeft - result.work);
    if (result.type === "gaveUp") return { type: "gaveUp", key, work };
    if (result.type === "none") {
      const placed = result.placed.map((at) => relevant[at] as Operation);
      const stuckAt = relevant[result.stuckAt] as Operation;
      return { type: "notLinearizable", key, placed, value: valueAfter(placed), stuckAt };
    }
  }
  return { type: "linearizable", work };
}

function byKey(history: readonly Operation[]): ReadonlyMap<string, readonly Operation[]> {
  const keys = new Map<string, Operation[]>();
  for (const operation of history) {
    const problem = operationProblem(operation);
    assert(problem === undefined, `process ${operation.process}: ${problem}`);
    const operations = keys.get(operation.key);
    if (operations === undefined) keys.set(operation.key, [operation]);
    else operations.push(operation);
  }
  return keys;
}

/**
 * Leaves out what cannot make a difference. An unknown write or compare-and-set whose value nobody
 * saw can be taken out of any valid order, as what came after it found another value anyway; but
 * not where a compare-and-set failed, since it may have failed because of it.
 */
function withoutIrrelevant(operations: readonly Operation[]): readonly Operation[] {
  const someFailed = operations.some(({ returned }) => returned?.result.type === "failed");
  const seen = new Set<Value>();
  for (const { call, returned } of operations) {
    if (returned?.result.type === "read") seen.add(returned.result.value);
    if (call.kind === "cas") seen.add(call.expected);
  }
  return operations.filter(({ call, returned }) => {
    if (returned !== undefined) return true;
    return call.kind !== "read" && (someFailed || seen.has(call.value));
  });
}

function valueAfter(placed: readonly Operation[]): Value {
  let value = REGISTER.initial;
  for (const operation of placed) value = REGISTER.apply(value, operation)?.state;
  return value;
}
