/**
 * What an agent's reply to an order or a withdrawal means to the leader.
 *
 * A reply for an earlier life of the node is a refusal: what that life was told never runs here.
 * One of another instance says nothing of the one that is meant: the order is sent again.
 */
import type { OrderReply } from "./ports.ts";

export function orderReplyOf({ code, reason }: { code: string; reason: string }): OrderReply {
  switch (code) {
    case "accepted":
    case "staleTerm":
    case "withdrawn":
    case "begun":
      return { type: code };
    case "otherInstance":
      return { type: "silent" };
    default:
      return { type: "refused", reason: reason === "" ? code : reason };
  }
}
