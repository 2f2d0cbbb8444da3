/**
 * The datacenter in which the gateway stands, made from its own replicas.
 *
 * Joins the parts that speak with the orchestrator; holds no logic of its own. Called once by the
 * composition root.
 */
import * as codec from "@atoll/codec";
import { type Log, systemClock } from "@atoll/service-kit";
import type { Config } from "../config.ts";
import { FeedFollower } from "../replicas/feed-follower.ts";
import { followAddresses } from "../replicas/follow-addresses.ts";
import { ReplicaClients } from "../replicas/replica-clients.ts";
import { ReplicaHistory } from "../replicas/replica-history.ts";
import { ReplicaSession } from "../replicas/replica-session.ts";
import { Island } from "./island.ts";
import { Mirror } from "./mirror.ts";

export interface Home {
  readonly island: Island;
  readonly session: ReplicaSession;
  readonly replicas: { readonly clients: ReplicaClients; readonly preferred: () => number };
}

/** What it opens is closed by `parts`. */
export function joinHome(config: Config, log: Log, parts: AsyncDisposableStack): Home {
  const clock = systemClock;
  const { datacenter } = config;
  const replicas = parts.use(new ReplicaClients(config.replicas, config.transport));
  const mirror = parts.use(new Mirror({ codec, clock }));
  const session = parts.use(new ReplicaSession({ clients: replicas, clock, log }));
  const feed = parts.use(new FeedFollower({ clients: replicas, mirror, clock, log }));
  session.onLeader((leader) => feed.follow(leader));
  followAddresses({
    clients: replicas,
    mirror,
    configured: new Map([...config.replicas].map(([id, { text }]) => [id, text])),
    transport: config.transport,
    log,
  });
  const history = new ReplicaHistory({
    clients: replicas,
    preferred: () => feed.replica,
    groupId: () => mirror.groupId,
  });
  const caller = session;
  const island = parts.use(
    new Island({ datacenter, mirror, caller, feed, history, replicas, clock, log }),
  );
  return { island, session, replicas: { clients: replicas, preferred: () => feed.replica } };
}
