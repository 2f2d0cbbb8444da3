/**
 * Inputs and effects of a core as one line of text each, for transcripts and failing tests.
 *
 * Short and stable: transcripts are compared line by line, so a change here is a change of them
 * all.
 */
import type { Effect } from "../effect.ts";
import type { Entry, LogPosition } from "../entry.ts";
import type { Message } from "../message.ts";

/** `1>2 appendEntries term=3 previous=4/2 entries=5/3 commit=4` */
export function describeMessage(message: Message): string {
  const { from, to, type, term } = message;
  return `${from}>${to} ${type} term=${term}${messageDetail(message)}`;
}

/** What an effect says beside messages, which have lines of their own; empty for `send`. */
export function describeEffect(effect: Effect): string {
  switch (effect.type) {
    case "persist": {
      const { hardState, entries, write } = effect;
      const state = ` term=${hardState.term} vote=${hardState.vote} commit=${hardState.commit}`;
      return `writes #${write}${state}${entries.length > 0 ? ` ${describeEntries(entries)}` : ""}`;
    }
    case "installSnapshot":
      return `installs #${effect.write} ${position(effect.metadata)}`;
    case "send":
      return "";
    case "loadEntries":
      return `loads entries ${effect.from} to ${effect.to - 1}`;
    case "loadSnapshotChunk":
      return `loads snapshot ${effect.index} at ${effect.offset}`;
    case "apply":
      return `applies ${describeEntries(effect.entries)}`;
    case "proposalAccepted":
      return `accepts proposal ${effect.proposal} as ${effect.firstIndex} to ${effect.lastIndex}`;
    case "proposalRefused":
      return `refuses proposal ${effect.proposal}: ${effect.reason}, leader ${effect.leader}`;
    case "readReady":
      return `read ${effect.read} is ready at ${effect.index}`;
    case "readRefused":
      return `refuses read ${effect.read}: ${effect.reason}`;
    case "leadership": {
      const { role, term, leader, leading } = effect;
      return `is ${role} of term ${term}, leader ${leader}${leading ? ", leading" : ""}`;
    }
    case "failed":
      return `fails: ${effect.reason}`;
  }
}

/** `4/2 5/3`, with the type where it is not data. */
export function describeEntries(entries: readonly Entry[]): string {
  return entries
    .map((entry) => position(entry) + (entry.type === "data" ? "" : `:${entry.type}`))
    .join(" ");
}

function messageDetail(message: Message): string {
  switch (message.type) {
    case "requestVote": {
      const asks = message.preVote ? " preVote" : "";
      const transfer = message.leaderTransfer ? " leaderTransfer" : "";
      return `${asks}${transfer} last=${position(message.lastLog)}`;
    }
    case "requestVoteReply":
      return `${message.preVote ? " preVote" : ""} ${message.granted ? "granted" : "refused"}`;
    case "appendEntries": {
      const entries = message.entries.length > 0 ? ` ${describeEntries(message.entries)}` : "";
      return ` after ${position(message.previous)}${entries} commit=${message.commitIndex}`;
    }
    case "appendEntriesReply":
      return message.success
        ? ` durable=${message.index}`
        : ` refused=${message.index} hint=${position(message.hint)}`;
    case "heartbeat":
      return ` commit=${message.commitIndex} round=${message.readRound}`;
    case "heartbeatReply":
      return ` round=${message.readRound}`;
    case "readIndexRequest":
      return "";
    case "readIndexReply":
      return ` index=${message.index}`;
    case "installSnapshot": {
      const { metadata, offset, chunk, last } = message;
      const part = `at ${offset} of ${metadata.sizeBytes}, ${chunk.length} B`;
      return ` ${position(metadata)} ${part}${last ? " last" : ""}`;
    }
    case "installSnapshotReply":
      return message.installed
        ? ` ${message.snapshotIndex} installed`
        : ` ${message.snapshotIndex} next=${message.nextOffset}`;
    case "timeoutNow":
    case "termQuery":
      return "";
    case "termReply":
      return ` last=${message.lastIndex}`;
  }
}

function position({ index, term }: LogPosition): string {
  return `${index}/${term}`;
}
