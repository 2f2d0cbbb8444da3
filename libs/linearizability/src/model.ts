/**
 * What an object does when its operations come one after the other.
 *
 * The checker is generic over this; a register is the model that ships. A model is pure: states are
 * values, never changed in place.
 */
import type { Operation, Value } from "./operation.ts";

export interface SequentialModel<State, Step> {
  readonly initial: State;
  /** The state after `step`; undefined when what it returned contradicts `state`. */
  apply(state: State, step: Step): { readonly state: State } | undefined;
  /** Whether `step`, having returned what it did, never changes any state. */
  observes(step: Step): boolean;
  /** Whether `step` leads to the same state whatever it finds. */
  overwrites(step: Step): boolean;
  /** Equal for equal states, different for different ones. */
  identify(state: State): string;
}

/** One register; what is unknown is applied as far as it can be. */
export const REGISTER: SequentialModel<Value, Operation> = {
  initial: undefined,

  apply(state, { call, returned }) {
    const result = returned?.result;
    switch (call.kind) {
      case "read":
        return result?.type === "read" && result.value !== state ? undefined : { state };
      case "write":
        return { state: call.value };
      case "cas": {
        const matches = state === call.expected;
        if (result !== undefined && matches !== (result.type === "ok")) return undefined;
        return { state: matches ? call.value : state };
      }
    }
  },

  observes({ call, returned }) {
    return call.kind === "read" || returned?.result.type === "failed";
  },

  overwrites({ call }) {
    return call.kind === "write";
  },

  identify(state) {
    return state === undefined ? "-" : `=${state}`;
  },
};
