/**
 * What became of a call, as protobuf and back.
 */
import type { Answer } from "@atoll/proto/atoll/peer/v1/peer";
import type { CallOutcome } from "../islands/caller.ts";

export function toProtoAnswer(id: number, outcome: CallOutcome): Answer {
  switch (outcome.type) {
    case "accepted": {
      const { index, operation, groupId } = outcome;
      return { id, groupId, answer: { $case: "accepted", value: { index, operation } } };
    }
    case "ready": {
      const { index, groupId } = outcome;
      return { id, groupId, answer: { $case: "readReady", value: { index } } };
    }
    case "rejected": {
      const { code, reason, violations } = outcome;
      const value = { code, reason, violations: [...violations] };
      return { id, groupId: "", answer: { $case: "rejected", value } };
    }
    case "failed":
    case "unreachable": {
      const { type, uncertain, account } = outcome;
      return { id, groupId: "", answer: { $case: type, value: { uncertain, account } } };
    }
    case "refused":
      return { id, groupId: "", answer: { $case: "refused", value: { reason: outcome.reason } } };
  }
}

export function fromProtoAnswer({ answer, groupId }: Answer): CallOutcome {
  switch (answer?.$case) {
    case "accepted":
      return { type: "accepted", ...answer.value, groupId };
    case "readReady":
      return { type: "ready", ...answer.value, groupId };
    case "rejected":
      return { type: "rejected", ...answer.value };
    case "failed":
      return { type: "failed", ...answer.value };
    case "unreachable":
      return { type: "unreachable", ...answer.value };
    case "refused":
      return { type: "refused", ...answer.value };
    case undefined:
      // Of a later release: what it says of the call is not known here.
      return { type: "failed", uncertain: true, account: "the answer is not understood here" };
  }
}
