/**
 * Another datacenter as this gateway sees it: a mirror with its disk, fed and asked over links.
 *
 * Joins the parts; holds no logic of its own. Made when a datacenter becomes known.
 */
import * as codec from "@atoll/codec";
import type { DatacenterName } from "@atoll/domain";
import { LogFeed, MIRROR_LOG_DEFAULTS, MirrorLog, type MirrorTarget } from "@atoll/federation";
import { type Log, sha256, systemClock } from "@atoll/service-kit";
import { Island } from "../islands/island.ts";
import { Mirror } from "../islands/mirror.ts";
import { VERSION } from "../version.ts";
import type { ServedLog } from "./log-server.ts";
import { openMirrorDisk } from "./mirror-disk.ts";
import { MirrorFeeder } from "./mirror-feeder.ts";
import { MirrorHistory } from "./mirror-history.ts";
import { PeerCaller } from "./peer-caller.ts";
import type { Routes } from "./routes.ts";

export interface RemoteIsland extends AsyncDisposable {
  readonly island: Island;
  /** Its log, for others who want it from here. */
  readonly served: ServedLog;
  readonly feeder: MirrorFeeder;
}

const TURNS = { soon: setImmediate };

/** Opens the mirror on disk; the island answers from it at once. */
export async function openRemoteIsland(
  datacenter: DatacenterName,
  options: {
    readonly dataDir: string;
    readonly routes: Routes;
    /** The log comes here another way, or not any more: who reads it from here asks again. */
    readonly wayChanged: () => void;
    readonly log: Log;
  },
): Promise<RemoteIsland> {
  const { dataDir, routes, log } = options;
  await using parts = new AsyncDisposableStack();
  const clock = systemClock;
  const { mirror, kept, feed } = await openMirror(datacenter, { dataDir, log }, parts);
  const target = targetOf(mirror, { kept, feed });
  let way: readonly string[] = [];
  const feeder = parts.use(
    new MirrorFeeder({
      datacenter,
      routes,
      target,
      groupId: () => mirror.groupId,
      isFull: () => kept.isFull,
      wayChanged: (changed) => {
        way = changed;
        options.wayChanged();
      },
      version: VERSION,
      log,
    }),
  );
  const caller = new PeerCaller(datacenter, { routes, clock });
  const history = new MirrorHistory(kept, mirror);
  const island = parts.use(
    new Island({ datacenter, mirror, caller, feed: feeder, history, clock, log }),
  );
  const owned = parts.move();
  return {
    island,
    feeder,
    served: {
      feed,
      get way() {
        return way;
      },
      // What nothing feeds grows old, and who reads it here would not look elsewhere.
      get isFed() {
        return feeder.isFed && mirror.synced;
      },
      get groupId() {
        return mirror.groupId;
      },
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** What its disk holds is in the mirror; what comes is kept on disk, and served. */
async function openMirror(
  datacenter: DatacenterName,
  { dataDir, log }: { readonly dataDir: string; readonly log: Log },
  parts: AsyncDisposableStack,
): Promise<{ readonly mirror: Mirror; readonly kept: MirrorLog; readonly feed: LogFeed }> {
  const clock = systemClock;
  const make = (): Mirror => new Mirror({ codec, clock });
  const disk = await openMirrorDisk({ dataDir, datacenter }, { make, turns: TURNS }, log);
  const { store, groupId, firstIndex } = disk;
  parts.use(store);
  const mirror = parts.use(disk.target);
  const { state } = mirror;
  const kept = new MirrorLog({
    store,
    state,
    groupId,
    firstIndex,
    turns: TURNS,
    settings: MIRROR_LOG_DEFAULTS,
    failed: (error) => log.error("a mirror is not kept on disk any more", { datacenter, error }),
  });
  // Behind the feeder and before the store: what is under way is on disk when that closes.
  parts.defer(() => new Promise<void>((resolve) => kept.close(resolve)));
  const feed = new LogFeed({
    state,
    store: kept,
    groupId: () => mirror.groupId,
    turns: TURNS,
    newHasher: sha256,
    version: VERSION,
  });
  return { mirror, kept, feed };
}

/** A whole state goes to disk and to those who read this mirror as well. */
function targetOf(
  mirror: Mirror,
  { kept, feed }: { readonly kept: MirrorLog; readonly feed: LogFeed },
): MirrorTarget {
  return {
    state: mirror.state,
    apply: (index, data) => mirror.apply(index, data),
    restoreInPieces: (index, group) => {
      const chunks: Uint8Array[] = [];
      const restore = mirror.restoreInPieces(index, group);
      return {
        take: (chunk) => {
          chunks.push(chunk);
          restore.take(chunk);
        },
        finish: () => {
          restore.finish();
          kept.replaced(index, chunks, group);
          feed.restored();
        },
      };
    },
  };
}
