/**
 * What an agent's reply to an order or a withdrawal means to the leader.
 *
 * A reply for an earlier life of the node is a refusal: what that life was told never runs here.
 */
import type { OrderReply } from "./ports.ts";

export function orderReplyOf({ code, reason }: { code: string; reason: string }): OrderReply {
  switch (code) {
    case "accepted":
    case "staleTerm":
    case "withdrawn":
    case "begun":
      return { type: code };
    default:
      return { type: "refused", reason: reason === "" ? code : reason };
  }
}
