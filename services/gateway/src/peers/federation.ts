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
import { type Islands, ISLANDS_MAX } from "../islands/islands.ts";
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
/** Configured peers; nobody else is dialled. */
export const PEERS_MAX = 64;

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
  const { datacenter, mirror } = home.island;
  const served: ServedLog = {
    feed: homeLog(mirror, home.replicas),
    way: [],
    get isFed() {
      return mirror.synced;
    },
    get groupId() {
      return mirror.groupId;
    },
  };
  const open = (name: DatacenterName): Promise<RemoteIsland> => {
    const { dataDir } = settings;
    const wayChanged = (): void => ends.reconsider(name);
    return openRemoteIsland(name, { dataDir, routes, wayChanged, log });
  };
  const configured = settings.peers.flatMap(({ datacenter: name }) => name ?? []);
  const known = parts.use(new KnownDatacenters({ islands, configured, open, log }));
  tendFeeds(() => [served.feed, ...known.feeds], parts);
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

/** Tells readers of all logs here that these are alive, and lets them compare states. */
function tendFeeds(feeds: () => readonly LogFeed[], parts: AsyncDisposableStack): void {
  const beat = setInterval(() => {
    for (const feed of feeds()) feed.beat(systemClock.realtimeMs());
  }, POSITION_EVERY_MS);
  const check = setInterval(() => {
    for (const feed of feeds()) feed.checkpoint();
  }, CHECKPOINT_EVERY_MS);
  parts.defer(() => {
    clearInterval(beat);
    clearInterval(check);
  });
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
    // A name of which nothing was ever seen is not passed on.
    sources: islands.all
      .filter(({ mirror }) => mirror.synced)
      .map(({ datacenter }) => ({ datacenter, way: [] })),
    places: [],
  });
  const greeted = (theirs: Greeting): void => {
    known.met(theirs.datacenter);
    for (const { datacenter } of theirs.sources.slice(0, ISLANDS_MAX)) known.heardOf(datacenter);
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
  const dialled = new Set<string>();
  const isLinked = (gateway: string): boolean => accepted.has(gateway) || dialled.has(gateway);
  const diallers = peers.map(
    (peer) => new Dialler({ peer, transport, greeting, ends, isLinked, dialled, greeted, log }),
  );
  // All at once: each may take a while.
  parts.defer(async () => {
    await Promise.all(diallers.map((dialler) => dialler[Symbol.asyncDispose]()));
  });
}
