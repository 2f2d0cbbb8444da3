/**
 * Frames of a feed as protobuf, and back.
 */
import type { FeedResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import type { FeedFrame } from "./feed-frame.ts";

export function toProtoFrame(frame: FeedFrame): FeedResponse {
  switch (frame.type) {
    case "entries": {
      const entries = frame.items.map(({ index, data }) => ({ index, data: bufferOf(data) }));
      return { content: { $case: "entries", value: { entries } } };
    }
    case "snapshot": {
      const { index, groupId, chunk, first, last } = frame;
      const value = { index, groupId, chunk: bufferOf(chunk), first, last };
      return { content: { $case: "snapshot", value } };
    }
    case "position": {
      const { index, realtimeMs } = frame;
      return { content: { $case: "position", value: { commitIndex: index, realtimeMs } } };
    }
    case "checkpoint":
      return { content: { $case: "checkpoint", value: { index: frame.index } } };
    case "digest": {
      const { index, digest, version } = frame;
      return { content: { $case: "digest", value: { index, digest, version } } };
    }
  }
}

/** undefined for what only a later release knows: it may be passed over. */
export function fromProtoFrame({ content }: FeedResponse): FeedFrame | undefined {
  switch (content?.$case) {
    case "entries":
      return { type: "entries", items: content.value.entries };
    case "snapshot":
      return { type: "snapshot", ...content.value };
    case "position": {
      const { commitIndex, realtimeMs } = content.value;
      return { type: "position", index: commitIndex, realtimeMs };
    }
    case "checkpoint":
      return { type: "checkpoint", ...content.value };
    case "digest":
      return { type: "digest", ...content.value };
    case undefined:
      return undefined;
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
