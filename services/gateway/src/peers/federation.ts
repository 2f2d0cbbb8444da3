/**
 * This gateway among those of other datacenters: whom it dials, who dials it, what of whom it
 * mirrors.
 *
 * Joins the parts. Made by the composition root where the configuration names peers or a place to
 * serve them; without, a gateway knows its own datacenter alone.
 */
import { randomUUID } from "node:crypto";
import type { DatacenterName } from "@atoll/domain";
import type { LogFeed } from "@atoll/federation";
import { type Greeting, PeerServiceService } from "@atoll/proto/atoll/peer/v1/peer";
import {
  type CallEnvironment,
  type Log,
  serviceNameOf,
  startGrpcServer,
  systemClock,
  type Transport,
} from "@atoll/service-kit";
import type { Home } from "../islands/home-island.ts";
import type { Islands } from "../islands/islands.ts";
import { VERSION } from "../version.ts";
import { Dialler } from "./dialler.ts";
import { homeLog } from "./home-log.ts";
import { KnownDatacenters } from "./known-datacenters.ts";
import { LinkEnds } from "./link-ends.ts";
import { type Ask, askOver } from "./peer-caller.ts";
import { Accepted, peerService } from "./peer-service.ts";
import type { ServedLog } from "./log-server.ts";
import { openRemoteIsland, type RemoteIsland } from "./remote-island.ts";
import { Routes } from "./routes.ts";

export interface Peer {
  /** host:port */
  readonly address: string;
  /** Whose gateway must answer there; absent: whoever does. */
  readonly datacenter?: string;
}

export interface FederationSettings {
  /** host:port to serve peers on; undefined: nobody dials this gateway. */
  readonly listen: string | undefined;
  /** Gateways of other datacenters that are dialled. */
  readonly peers: readonly Peer[];
  readonly dataDir: string;
  readonly transport: Transport;
  /** What may be sent over one link; 0 for no limit. */
  readonly bytesPerSecond: number;
}

const POSITION_EVERY_MS = 1_000;
const CHECKPOINT_EVERY_MS = 60_000;
/** Peers that peers know of are dialled as well; together no more than these. */
const DIALLED_MAX = 64;

export interface FederationParts {
  readonly home: Home;
  readonly islands: Islands;
  readonly environment: CallEnvironment;
  readonly log: Log;
}

/** Opens all mirrors, then serves and dials. What it opens is closed by `parts`. */
export async function joinFederation(
  settings: FederationSettings,
  joined: FederationParts,
  parts: AsyncDisposableStack,
): Promise<void> {
  const { known, ends } = joinMirrors(settings, joined, parts);
  await known.openKnown(settings.dataDir);
  await startLinks(settings, { ...joined, known, ends }, parts);
}

/** The mirrors of others, and what each link has at this gateway. */
function joinMirrors(
  settings: FederationSettings,
  { home, islands, log }: FederationParts,
  parts: AsyncDisposableStack,
): { readonly known: KnownDatacenters; readonly ends: LinkEnds } {
  const clock = systemClock;
  const routes = new Routes();
  const { datacenter } = home.island;
  const served = { feed: startHomeLog(home, parts), way: [] };
  const open = (name: DatacenterName): Promise<RemoteIsland> => {
    const { dataDir } = settings;
    const wayChanged = (): void => ends.reconsider(name);
    return openRemoteIsland(name, { dataDir, routes, wayChanged, log });
  };
  const known = parts.use(new KnownDatacenters({ islands, open, log }));
  const askOthers = askOver(routes, clock);
  const ask: Ask = (content, to) =>
    to.datacenter === datacenter
      ? home.session.call(content, to.deadlineMs)
      : askOthers(content, to);
  const { bytesPerSecond } = settings;
  const findLog = (name: string): ServedLog | undefined =>
    name === datacenter ? served : known.served(name);
  const ends: LinkEnds = new LinkEnds({ routes, findLog, ask, bytesPerSecond, clock, log });
  return { known, ends };
}

function startHomeLog(home: Home, parts: AsyncDisposableStack): LogFeed {
  const feed = homeLog(home.island.mirror, home.replicas);
  const beat = setInterval(() => feed.beat(systemClock.realtimeMs()), POSITION_EVERY_MS);
  const check = setInterval(() => feed.checkpoint(), CHECKPOINT_EVERY_MS);
  parts.defer(() => {
    clearInterval(beat);
    clearInterval(check);
  });
  return feed;
}

async function startLinks(
  settings: FederationSettings,
  joined: FederationParts & { readonly known: KnownDatacenters; readonly ends: LinkEnds },
  parts: AsyncDisposableStack,
): Promise<void> {
  const { home, islands, environment, known, ends, log } = joined;
  const { listen, transport, peers } = settings;
  const gateway = randomUUID();
  const greeting = (): Greeting => ({
    datacenter: home.island.datacenter,
    gateway,
    version: VERSION,
    sources: islands.all.map(({ datacenter }) => ({ datacenter, way: [] })),
    places: [],
  });
  const greeted = (theirs: Greeting): void => {
    known.heardOf(theirs.datacenter);
    for (const { datacenter } of theirs.sources) known.heardOf(datacenter);
  };
  const accepted = new Accepted();
  if (listen !== undefined) {
    const implementation = peerService({ environment, greeting, greeted, ends, accepted });
    const services = [{ definition: PeerServiceService, implementation }];
    const options = { listen, transport, services, reflection: false, log };
    const server = parts.use(await startGrpcServer(options));
    // Its streams end before the server waits for them.
    parts.defer(() => accepted.end());
    server.setServing(serviceNameOf(PeerServiceService), true);
    server.setServing("", true);
  }
  const isLinked = (theirs: Greeting): boolean =>
    accepted.has(`${theirs.datacenter}/${theirs.gateway}`);
  for (const peer of peers.slice(0, DIALLED_MAX)) {
    parts.use(new Dialler({ peer, transport, greeting, ends, isLinked, greeted, log }));
  }
}
