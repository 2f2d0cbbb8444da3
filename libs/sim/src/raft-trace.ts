/**
 * What is seen of messages in simulated Raft groups: a line for reading, a count for the
 * statistics.
 */
import type { Message } from "raft-ts";
import type { RaftCounters } from "./raft-counters.ts";

/** A message on one line. */
export function describe(message: Message): string {
  const { type, from, to, term } = message;
  const rest = Object.entries(message)
    .filter(([name]) => !["type", "from", "to", "term"].includes(name))
    .map(([name, value]) => `${name}=${describeValue(value)}`);
  return `${from}>${to} ${type} term=${term} ${rest.join(" ")}`;
}

function describeValue(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length}B`;
  if (Array.isArray(value)) return `[${value.map((each) => describeValue(each)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    return Object.values(value)
      .map((each) => describeValue(each))
      .join("/");
  }
  return String(value);
}

/** Counts a message that arrives, if it is one of the interesting ones. */
export function countMessage(
  counters: RaftCounters,
  message: Message,
  chunksSeen: Set<string>,
): void {
  switch (message.type) {
    case "requestVoteReply":
      if (message.granted) break;
      if (message.preVote) counters.preVotesRefused += 1;
      else counters.votesRefused += 1;
      break;
    case "appendEntriesReply":
      if (!message.success) counters.appendsRefused += 1;
      break;
    case "installSnapshot": {
      const chunk = `${message.to} ${message.metadata.index} ${message.offset}`;
      if (chunksSeen.has(chunk)) counters.snapshotChunksRepeated += 1;
      chunksSeen.add(chunk);
      break;
    }
    case "timeoutNow":
      counters.timeoutNows += 1;
      break;
    default:
      break;
  }
}
