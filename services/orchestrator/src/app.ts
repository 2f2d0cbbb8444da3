/**
 * The composition root of an orchestrator replica: makes the parts, joins them, and takes them
 * apart in the other order.
 *
 * Holds no logic of its own but the joints. What ends a replica (a failed disk, a log that lies)
 * ends the process with a clear line; a supervisor starts it again.
 */
import { randomInt } from "node:crypto";
import { join } from "node:path";
import * as codec from "@atoll/codec";
import {
  CONTROL_DEFAULTS,
  type DatacenterTime,
  Leader,
  type Log as ControlLog,
  ReplicatedState,
  type ReplicaWatch,
} from "@atoll/control";
import type { OrchestratorBus } from "@atoll/event-bus";
import { connectOrchestratorBus } from "@atoll/event-bus-nats";
import { OrchestratorServiceService } from "@atoll/proto/atoll/replica/v1/orchestrator";
import { GrpcPeerTransport, raftServiceDefinition } from "@atoll/raft-grpc";
import { finishRepair, type LevelLogStore } from "@atoll/raft-level";
import { DEFAULT_REPLICA_SETTINGS, Replica } from "@atoll/raft-replica";
import {
  aborted,
  channelCredentials,
  createLog,
  createMetrics,
  type GrpcServer,
  type Log,
  LOG_FOLDER,
  type Metrics,
  startAdminServer,
  startGrpcServer,
  systemClock,
} from "@atoll/service-kit";
import { Prng } from "@atoll/stdx";
import { AddressFinder } from "./address-finder.ts";
import { BusAgentLink } from "./bus-agent-link.ts";
import { BusHealth } from "./bus-health.ts";
import { BusIntake } from "./bus-intake.ts";
import { ClockWatch } from "./clock-watch.ts";
import type { Config } from "./config.ts";
import { Feed } from "./feed.ts";
import { askPeers, settleGroup } from "./group-id.ts";
import { GroupKeeper } from "./group-keeper.ts";
import { handOver } from "./hand-over.ts";
import { healthOf } from "./health.ts";
import { startWatch } from "./heartbeat-intake.ts";
import { LagClock } from "./lag-clock.ts";
import { LeadershipSwitch } from "./leadership-switch.ts";
import { OrchestratorMetrics } from "./metrics.ts";
import { distrustLost, openStore } from "./open-store.ts";
import { orchestratorService } from "./orchestrator-service.ts";
import { Quarantine } from "./quarantine.ts";
import { QuorumRead } from "./quorum-read.ts";
import { RaftStateMachine } from "./raft-state-machine.ts";
import { RecoveryWatch } from "./recovery-watch.ts";
import { repairDamaged } from "./repair-phase.ts";
import { runningRepairService } from "./running-repair-service.ts";
import { Sessions } from "./session.ts";
import { startTicks } from "./ticks.ts";

/** Entries kept in memory; a larger tail costs more collecting than it saves reading. */
const TAIL_BYTES_MAX = 8 * 1024 * 1024;
const SERVICE_NAME = "atoll.replica.v1.OrchestratorService";

export interface App extends AsyncDisposable {
  /** Resolves when asked to stop; rejects when the replica cannot go on. */
  ended(signal: AbortSignal): Promise<void>;
}

/** The consensus half: log, transport, driver, state. */
interface Consensus {
  readonly groupId: string;
  readonly store: LevelLogStore;
  readonly transport: GrpcPeerTransport;
  readonly replica: Replica;
  readonly state: ReplicatedState;
  readonly recovery: RecoveryWatch;
  readonly failed: Promise<never>;
}

/**
 * Starts a replica; everything it opened is closed again when a part cannot start.
 * @throws an `AbortError` when `signal` ends the wait to join a group.
 */
export async function startApp(config: Config, signal: AbortSignal): Promise<App> {
  const metrics = createMetrics("orchestrator");
  const log = makeLog(config, metrics);
  await using parts = new AsyncDisposableStack();
  const leadership = new LeadershipSwitch(log);
  const consensus = await startConsensus(config, { log, leadership, parts, signal });
  const { replica, state, store, groupId } = consensus;

  const counted = new OrchestratorMetrics(metrics, () => replica);
  const { natsUrl: url, datacenter, streamReplicas } = config;
  const bus = connectOrchestratorBus({ url, datacenter, log, streamReplicas });
  parts.defer(() => bus.close());
  const clocks = new ClockWatch({ replicaId: config.replicaId, replica, state, metrics, log });
  const { time } = clocks;
  const watch = startWatch(config, { state, bus, time, counted, parts });
  const leader = makeLeader(config, { consensus, bus, watch, time, observer: counted, log });
  const intake = new BusIntake({
    datacenter: config.datacenter,
    bus,
    leader,
    quarantine: new Quarantine({ folder: join(config.dataDir, "quarantine"), log }),
    messagesRead: counted.messagesRead,
    messagesRefused: counted.messagesRefused,
  });
  parts.defer(() => intake.close());
  const feed = new Feed({ state, store, groupId });
  const sessions = new Sessions({ leader, replica, groupId });

  const busHealth = new BusHealth(bus);
  const shown = { busHealth, clocks, lagClock: new LagClock(), log };
  const server = parts.use(
    await startServer(config, { consensus, sessions, feed, ...shown, metrics }),
  );
  // Streams end first, or the server would wait for them.
  parts.defer(async () => {
    feed.stop();
    sessions.stop();
    await consensus.transport[Symbol.asyncDispose]();
  });
  consensus.transport.start();
  const { recovery } = consensus;
  const quorumRead = new QuorumRead(systemClock, replica);
  parts.use(
    await startAdminServer({
      host: config.listen.host,
      port: config.adminPort,
      metrics,
      health: () => healthOf({ replica, quorumRead, recovery, busHealth, clocks }),
      log,
    }),
  );
  const keeper = makeKeeper(config, { consensus, leader, log });
  parts.use(startTicks({ ...consensus, leader, watch, keeper, quorumRead, counted, ...shown }));
  leadership.join({ leader, intake });
  server.setServing(SERVICE_NAME, true);
  server.setServing("", true);
  log.info("serving", { listen: config.listen.text, replicas: config.replicas.size });

  const owned = parts.move();
  return {
    ended: async (asked) => Promise.race([aborted(asked), consensus.failed]),
    async [Symbol.asyncDispose](): Promise<void> {
      const leader = await handOver(replica);
      if (leader !== 0) log.info("leadership handed over", { leader });
      await owned.disposeAsync();
      log.info("stopped");
    },
  };
}

function makeLog(config: Config, metrics: Metrics): Log {
  const help = "Log lines dropped, as stderr did not take them.";
  const dropped = metrics.counter("log_lines_dropped_total", help);
  return createLog({
    service: "orchestrator",
    level: config.logLevel,
    fields: { datacenter: config.datacenter, replica: String(config.replicaId) },
    dropped: () => dropped.inc(),
  });
}

async function startConsensus(
  config: Config,
  about: {
    readonly log: Log;
    readonly leadership: LeadershipSwitch;
    readonly parts: AsyncDisposableStack;
    readonly signal: AbortSignal;
  },
): Promise<Consensus> {
  const { replicaId, replicas } = config;
  const { log, leadership, parts, signal } = about;
  const folder = join(config.dataDir, LOG_FOLDER);
  await finishRepair(folder);
  const { groupId, founding: voters, newStanding } = await settleGroup(config, log, signal);
  const identity = { groupId, replicaId };
  const { store, recovered, reason } = await openStore(
    {
      folder,
      identity,
      founding: { voters, outgoing: [], learners: [], learnersNext: [], autoLeave: false },
      tailBytesMax: TAIL_BYTES_MAX,
      newStanding,
    },
    (damage) => repairDamaged(damage, { config, folder, identity, log, signal }),
    log,
  );
  parts.use(store);
  const prng = new Prng(randomInt(2 ** 32));
  const state = new ReplicatedState(codec);
  const failure = Promise.withResolvers<never>();
  failure.promise.catch(() => {});
  const peers = [...replicas].filter(([id]) => id !== replicaId);
  const transport = new GrpcPeerTransport({
    self: replicaId,
    groupId,
    peers: new Map(peers.map(([id, { text }]) => [id, text])),
    credentials: channelCredentials(config.transport),
    onMessages: (messages) => replica.receive(messages),
    onPeerLost: (peer) => replica.peerLost(peer),
    clock: systemClock,
    prng: prng.child("transport"),
    log: (event) => log.info("peer", { ...event }),
  });
  parts.use(transport);
  const replica: Replica = new Replica({
    id: replicaId,
    recovered,
    store,
    transport,
    stateMachine: new RaftStateMachine(state),
    observer: {
      leadershipChanged: (change) => leadership.changed(change),
      failed: (error) => void distrustLost(folder, error).then(failure.reject),
    },
    prng: prng.child("raft"),
    settings: { ...DEFAULT_REPLICA_SETTINGS, raft: { tailBytesMax: TAIL_BYTES_MAX } },
  });
  parts.defer(() => replica.stop());
  const recovery = new RecoveryWatch({ status: () => replica.status(), reason, log });
  return { groupId, store, transport, replica, state, recovery, failed: failure.promise };
}

function makeLeader(
  config: Config,
  joined: {
    readonly consensus: Consensus;
    readonly bus: OrchestratorBus;
    readonly watch: ReplicaWatch;
    readonly time: DatacenterTime;
    readonly observer: OrchestratorMetrics;
    readonly log: Log;
  },
): Leader {
  const { consensus, bus, watch, time, observer, log } = joined;
  const { replica, state } = consensus;
  let runRequested = false;
  const leader: Leader = new Leader({
    datacenter: config.datacenter,
    state,
    codec,
    log: raftLog(replica),
    link: new BusAgentLink({ bus, log }),
    observer,
    presence: watch,
    clock: systemClock,
    time,
    settings: CONTROL_DEFAULTS,
    requestRun: () => {
      if (runRequested) return;
      runRequested = true;
      setImmediate(() => {
        runRequested = false;
        leader.run();
      });
    },
  });
  return leader;
}

function makeKeeper(
  config: Config,
  joined: { readonly consensus: Consensus; readonly leader: Leader; readonly log: Log },
): GroupKeeper {
  const { consensus, leader, log } = joined;
  const { replica, state, transport } = consensus;
  const options = { requestId: "", actor: "orchestrator", validateOnly: false };
  return new GroupKeeper({
    self: config.replicaId,
    configured: new Map([...config.replicas].map(([id, { text }]) => [id, text])),
    state,
    driver: replica,
    finder: new AddressFinder({ ask: (addresses) => askPeers(config, addresses) }),
    setPeers: (addresses) => transport.setPeers(addresses),
    submit: (command, done) =>
      leader.submit(command, options, (outcome) => {
        if (outcome.type === "accepted") done(undefined);
        else done(outcome.type === "rejected" ? outcome.reason : outcome.type);
      }),
    leading: () => leader.leading,
    log: (text, fields) => log.info(text, fields),
  });
}

/** Raft as control needs it. */
function raftLog(replica: Replica): ControlLog {
  return {
    propose(data, done) {
      replica.propose([data], (outcome) => {
        if (outcome.type === "committed") done({ type: "committed", index: outcome.lastIndex });
        else done({ type: outcome.type });
      });
    },
    confirmLeadership(done) {
      replica.readIndex((outcome) => {
        done(outcome.type === "ready" && replica.status().role === "leader");
      });
    },
  };
}

async function startServer(
  config: Config,
  joined: {
    readonly consensus: Consensus;
    readonly sessions: Sessions;
    readonly feed: Feed;
    readonly busHealth: BusHealth;
    readonly clocks: ClockWatch;
    readonly lagClock: LagClock;
    readonly log: Log;
    readonly metrics: Metrics;
  },
): Promise<GrpcServer> {
  const { consensus, sessions, feed, busHealth, clocks, lagClock, log, metrics } = joined;
  const { transport, replica, state, store, groupId } = consensus;
  return startGrpcServer({
    listen: config.listen.text,
    transport: config.transport,
    services: [
      { definition: raftServiceDefinition, implementation: transport.handlers() },
      {
        definition: OrchestratorServiceService,
        implementation: orchestratorService({
          datacenter: config.datacenter,
          groupId,
          replica,
          state,
          sessions,
          feed,
          lagClock,
          clocks,
          busConnected: () => busHealth.connected,
        }),
      },
      runningRepairService({ groupId, replica, store, state }),
    ],
    reflection: true,
    log,
    metrics,
  });
}
