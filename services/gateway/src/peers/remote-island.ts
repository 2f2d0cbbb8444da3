/**
 * Another datacenter as this gateway sees it: a mirror with its disk, fed and asked over links.
 *
 * Joins the parts; holds no logic of its own. Made when a datacenter becomes known.
 */
import * as codec from "@atoll/codec";
import type { DatacenterName } from "@atoll/domain";
import { LogFeed, MIRROR_LOG_DEFAULTS, MirrorLog, type MirrorTarget } from "@atoll/federation";
import { type Log, systemClock } from "@atoll/service-kit";
import { Island } from "../islands/island.ts";
import { Mirror } from "../islands/mirror.ts";
import type { ServedLog } from "./log-server.ts";
import { openMirrorDisk } from "./mirror-disk.ts";
import { MirrorFeeder, sha256 } from "./mirror-feeder.ts";
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
    /** The log comes here another way: who reads it from here asks again. */
    readonly wayChanged: () => void;
    readonly log: Log;
  },
): Promise<RemoteIsland> {
  const { dataDir, routes, log } = options;
  await using parts = new AsyncDisposableStack();
  const clock = systemClock;
  const mirror = parts.use(new Mirror({ codec, clock }));
  const { state } = mirror;
  const disk = await openMirrorDisk({ dataDir, datacenter }, { target: mirror, turns: TURNS }, log);
  parts.use(disk.store);
  const kept = new MirrorLog({
    store: disk.store,
    state,
    groupId: disk.groupId,
    firstIndex: disk.firstIndex,
    turns: TURNS,
    settings: MIRROR_LOG_DEFAULTS,
    failed: (error) => log.error("a mirror is not kept on disk any more", { datacenter, error }),
  });
  const groupId = (): string => mirror.groupId;
  const feed = new LogFeed({ state, store: kept, groupId, turns: TURNS, newHasher: sha256 });
  const target: MirrorTarget = {
    state,
    apply: (index, data) => mirror.apply(index, data),
    restore: (index, chunks, group) => {
      mirror.restore(index, chunks, group);
      kept.replaced(index, chunks, group);
      feed.restored();
    },
  };
  let way: readonly string[] = [datacenter];
  const feeder = parts.use(
    new MirrorFeeder({
      datacenter,
      routes,
      target,
      groupId,
      isFull: () => kept.isFull,
      wayChanged: (changed) => {
        way = changed;
        options.wayChanged();
      },
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
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
