/**
 * This gateway among those of other datacenters: whom it dials, who dials it, what of whom it
 * mirrors.
 *
 * Joins the parts. Made by the composition root where the configuration names peers or a place to
 * serve them; without, a gateway knows its own datacenter alone.
 */
import { randomUUID } from "node:crypto";
import { type Greeting, PeerServiceService } from "@atoll/proto/atoll/peer/v1/peer";
import {
  type CallEnvironment,
  type GrpcService,
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
import { openRemoteIsland } from "./remote-island.ts";
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
  const { home, islands, environment, log } = joined;
  const clock = systemClock;
  const routes = new Routes();
  const gateway = randomUUID();
  const datacenter = home.island.datacenter;
  const feed = homeLog(home.island.mirror, home.replicas);
  const served = { feed, way: [] };
  const known = parts.use(
    new KnownDatacenters({
      islands,
      open: (name) =>
        openRemoteIsland(name, {
          dataDir: settings.dataDir,
          routes,
          wayChanged: () => ends.reconsider(name),
          log,
        }),
      log,
    }),
  );
  const askOthers = askOver(routes, clock);
  const ask: Ask = (content, to) =>
    to.datacenter === datacenter
      ? home.session.call(content, to.deadlineMs)
      : askOthers(content, to);
  const ends: LinkEnds = new LinkEnds({
    routes,
    findLog: (name) => (name === datacenter ? served : known.served(name)),
    ask,
    bytesPerSecond: settings.bytesPerSecond,
    clock,
    log,
  });
  const timers = [
    setInterval(() => feed.beat(clock.realtimeMs()), POSITION_EVERY_MS),
    setInterval(() => feed.checkpoint(), CHECKPOINT_EVERY_MS),
  ];
  parts.defer(() => timers.forEach(clearInterval));
  await known.openKnown(settings.dataDir);

  const greeting = (): Greeting => ({
    datacenter,
    gateway,
    version: VERSION,
    sources: islands.all.map((island) => ({ datacenter: island.datacenter, way: [] })),
    places: [],
  });
  const greeted = (theirs: Greeting): void => {
    known.heardOf(theirs.datacenter);
    for (const source of theirs.sources) known.heardOf(source.datacenter);
  };
  const accepted = new Accepted();
  const service: GrpcService = {
    definition: PeerServiceService,
    implementation: peerService({ environment, greeting, greeted, ends, accepted }),
  };
  if (settings.listen !== undefined) {
    const { listen, transport } = settings;
    const server = parts.use(
      await startGrpcServer({
        listen,
        transport,
        services: [service],
        reflection: false,
        log,
      }),
    );
    parts.defer(() => accepted.end());
    server.setServing(serviceNameOf(PeerServiceService), true);
    server.setServing("", true);
  }
  for (const peer of settings.peers.slice(0, DIALLED_MAX)) {
    const isLinked = (theirs: Greeting): boolean =>
      accepted.has(`${theirs.datacenter}/${theirs.gateway}`);
    const { transport } = settings;
    parts.use(new Dialler({ peer, transport, greeting, ends, isLinked, greeted, log }));
  }
}
