/**
 * The home's log, for gateways of other datacenters.
 *
 * Served from this gateway's own mirror of it: the newest entries from memory, older ones from
 * whichever replica keeps them.
 */
import { type EntryReader, type FeedItem, fromProtoFrame, LogFeed } from "@atoll/federation";
import type { FeedResponse } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { sha256 } from "@atoll/service-kit";
import type { Mirror } from "../islands/mirror.ts";
import type { ReplicaClients } from "../replicas/replica-clients.ts";
import { VERSION } from "../version.ts";

/** A replica that gives nothing for as long is left. */
const PATIENCE_MS = 4_000;

export function homeLog(
  mirror: Mirror,
  replicas: { readonly clients: ReplicaClients; readonly preferred: () => number },
): LogFeed {
  const groupId = (): string => mirror.groupId;
  const feed = new LogFeed({
    state: mirror.state,
    store: replicaEntries(replicas, groupId),
    groupId,
    turns: { soon: setImmediate },
    newHasher: sha256,
    version: VERSION,
  });
  mirror.onRestored(() => feed.restored());
  return feed;
}

/** Reads entries from one replica after another until one has them. */
function replicaEntries(
  { clients, preferred }: { readonly clients: ReplicaClients; readonly preferred: () => number },
  groupId: () => string,
): EntryReader {
  return {
    readEntries: (range, done) => {
      const first = preferred();
      const others = clients.ids.filter((id) => id !== first);
      const read = async (): Promise<readonly FeedItem[]> => {
        let compacted = false;
        for (const id of [first, ...others]) {
          const found = await readFrom(clients, id, { ...range, groupId: groupId() });
          if (Array.isArray(found)) return found as readonly FeedItem[];
          compacted ||= found === "compacted";
        }
        const error = new Error("no replica has these entries now");
        throw compacted ? Object.assign(error, { code: "COMPACTED" }) : error;
      };
      read().then(
        (items) => done(undefined, items),
        (error: Error) => done(error, []),
      );
    },
  };
}

function readFrom(
  clients: ReplicaClients,
  id: number,
  range: {
    readonly from: number;
    readonly to: number;
    readonly maxBytes: number;
    readonly groupId: string;
  },
): Promise<readonly FeedItem[] | "compacted" | "silent"> {
  const { from, to, maxBytes, groupId } = range;
  return new Promise((resolve) => {
    const items: FeedItem[] = [];
    let bytes = 0;
    const stream = clients.client(id).feed({ fromIndex: from, groupId });
    const end = (outcome: readonly FeedItem[] | "compacted" | "silent"): void => {
      clearTimeout(silence);
      stream.cancel();
      resolve(outcome);
    };
    const silence = setTimeout(() => end(items.length > 0 ? items : "silent"), PATIENCE_MS);
    stream.on("data", (response: FeedResponse) => {
      const frame = fromProtoFrame(response);
      if (frame?.type === "snapshot") end("compacted");
      if (frame?.type !== "entries") return;
      for (const item of frame.items) {
        if (item.index !== from + items.length || item.index >= to) continue;
        items.push(item);
        bytes += item.data.length;
      }
      if (bytes >= maxBytes || from + items.length >= to) end(items);
    });
    stream.on("error", () => end(items.length > 0 ? items : "silent"));
    stream.on("end", () => end(items.length > 0 ? items : "silent"));
  });
}
