/**
 * The agent put together: what is on disk first, then drivers, then the bus.
 *
 * The order of the start matters: the identity is counted before anything is stored, services are adopted before the first fact says
 * what runs, actions that an earlier agent left open are ended before new ones are taken.
 */
import { randomBytes } from "node:crypto";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { encodeFactBatch } from "@atoll/codec";
import { FileDriver, openProcessDriver, openSystemdDriver, readBootId, readInventory } from "@atoll/drivers";
import type { Inventory } from "@atoll/domain";
import type { AgentBus } from "@atoll/event-bus";
import {
  createMetrics,
  type HealthReport,
  type Log,
  startAdminServer,
  systemClock,
} from "@atoll/service-kit/process";
import { type Clock, Prng } from "@atoll/stdx";
import { ActionExecutor } from "./actions/action-executor.ts";
import { ActionJournal } from "./actions/action-journal.ts";
import { NodeServices } from "./actions/node-services.ts";
import { OrderDesk } from "./actions/order-desk.ts";
import type { Config } from "./config.ts";
import { Events, type Figures } from "./events.ts";
import { Directives } from "./link/directives.ts";
import { Heartbeats } from "./link/heartbeats.ts";
import { Maintenance } from "./link/maintenance.ts";
import { FactReporter } from "./observing/fact-reporter.ts";
import { InventoryWatch } from "./observing/inventory-watch.ts";
import { StandingOrders } from "./observing/standing-orders.ts";
import { FactSender } from "./outbox/fact-sender.ts";
import { Outbox } from "./outbox/outbox.ts";
import { AgentDatabase, DatabaseClosedError } from "./storage/agent-database.ts";
import { type Identity, newIncarnation, nextIdentity } from "./storage/identity.ts";
import { openLevelStore, StoreDamagedError } from "./storage/store.ts";
import { AGENT_VERSION } from "./version.ts";

export interface AppParts {
  readonly log: Log;
  readonly connect: () => AgentBus;
  /** Default: of this machine. */
  readonly readInventory?: () => Promise<Inventory>;
  readonly aloneAfterMs?: number;
  /** Default: the machine's. */
  readonly clock?: Clock;
}

export interface App extends AsyncDisposable {
  readonly adminPort: number;
  readonly health: () => HealthReport;
  /** What must happen before the end on request, but not in a crash. */
  stop(): Promise<void>;
}

/** @throws FolderLockedError when another agent uses the data folder; whatever the disk says. */
export async function startApp(config: Config, parts: AppParts): Promise<App> {
  const { dataDir, rootDir, node, datacenter } = config;
  const { log, clock = systemClock } = parts;
  await using stack = new AsyncDisposableStack();
  let figures: () => Figures | undefined = () => undefined;
  const metrics = createMetrics("agent");
  const events = new Events(log, metrics, () => figures());
  const onBroken = (error: unknown): void => {
    if (error instanceof DatabaseClosedError) return;
    // A broken invariant: better no agent than a wrong one. Services keep running.
    setImmediate(() => {
      throw error;
    });
  };

  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const { database, anew } = await openDatabase(dataDir, events, stack);
  let identity: Identity = anew ? await newIncarnation(dataDir) : await nextIdentity(dataDir);
  const incarnation = (): string => identity.incarnation;
  const outbox = await Outbox.open({ database, boot: identity.boot });
  if (outbox.holes > 0) events.outboxDamaged(outbox.holes);
  const journal = await ActionJournal.open(database, outbox);
  const maintenance = await Maintenance.open(database);

  const onDamagedRecord = (file: string, error: unknown): void => events.recordDamaged(file, error);
  await mkdir(rootDir, { recursive: true });
  const services = stack.use(
    new NodeServices({
      process: await openProcessDriver({
        dataFolder: join(dataDir, "process"),
        workingFolder: rootDir,
        onDamagedRecord,
      }),
      systemd: await openSystemdDriver({ dataFolder: join(dataDir, "systemd"), onDamagedRecord }),
    }),
  );
  const files = stack.use(
    await FileDriver.open({
      rootFolder: rootDir,
      dataFolder: join(dataDir, "files"),
      onDamagedRecord,
    }),
  );

  const reporter = stack.use(
    new FactReporter({
      outbox,
      services,
      files,
      clock,
      agentVersion: AGENT_VERSION,
      bootId: readBootId(),
      labels: config.labels,
      onBroken,
    }),
  );
  const inventory = stack.use(
    new InventoryWatch({
      read: parts.readInventory ?? (() => readInventory()),
      outbox,
      clock,
      onRefused: () => events.inventoryRefused(),
      onBroken,
    }),
  );
  const executor = new ActionExecutor({
    journal,
    services,
    files,
    clock,
    onFinished: (entry, result) => events.actionFinished(entry, result),
  });
  reporter.start();
  executor.recover().catch(onBroken);
  inventory.start();

  const bus = parts.connect();
  stack.defer(() => bus.close());
  const sender = stack.use(
    new FactSender({
      node,
      incarnation,
      outbox,
      bus,
      encode: (batch) => encodeFactBatch(datacenter, batch),
      random: new Prng(randomBytes(4).readUInt32LE(0)).child("resend"),
      onPublishFailed: (error) => events.publishFailed(error),
      onResend: (cause) => events.resend(cause),
    }),
  );
  const standing = stack.use(
    new StandingOrders({
      services,
      executor,
      report: (fact) => void outbox.append(fact).catch(onBroken),
      clock,
      allowed: () => config.mode === "act" && !maintenance.active,
      onRestart: (key, reason) => events.restartedAlone(key, reason),
      onBroken,
      ...(parts.aloneAfterMs === undefined ? {} : { aloneAfterMs: parts.aloneAfterMs }),
    }),
  );
  const heartbeats = stack.use(
    new Heartbeats({ datacenter, node, incarnation, outbox, maintenance, bus }),
  );
  const desk = new OrderDesk({
    journal,
    executor,
    incarnation,
    mode: config.mode,
    storageFailure: () => database.failure,
    onAnswered: (code, reason, order) => events.orderAnswered(code, reason, order?.action),
    onBroken,
  });
  const directives = new Directives({
    incarnation,
    journal,
    outbox,
    sender,
    maintenance,
    clock,
    onOdd: (what, reason) => events.oddMessage(what, reason),
    startOver: async (reason) => {
      identity = await newIncarnation(dataDir);
      events.startedOver(reason, identity.incarnation);
      await Promise.all([outbox.startOver(identity.boot), journal.startOver()]);
      reporter.announce();
      await inventory.lookAnew();
      sender.rewind();
    },
    onBroken,
  });

  let connection = { connected: false, reason: "not connected yet" };
  standing.connectionChanged(false);
  stack.defer(
    bus.onConnection((state) => {
      if (state.connected !== connection.connected) {
        events.connectionChanged(state.connected, state.reason);
      }
      connection = { ...state };
      sender.connectionChanged(state.connected);
      standing.connectionChanged(state.connected);
      if (state.connected) heartbeats.beat();
    }),
  );
  stack.defer(bus.onOrder((payload, reply) => desk.receive(payload, reply)));
  stack.defer(bus.onDirective((payload) => directives.receive(payload)));
  heartbeats.start();

  figures = () => ({
    outboxFacts: outbox.size,
    outboxBytes: outbox.bytes,
    outboxWaiting: outbox.waitingCount,
    services: services.list().length,
    files: files.list().length,
    connected: connection.connected,
  });
  const health = (): HealthReport => makeHealth(database.failure, outbox, connection);
  const drain = setInterval(() => outbox.drain(), 1_000);
  stack.defer(() => clearInterval(drain));
  const admin = stack.use(
    await startAdminServer({ host: "127.0.0.1", port: config.adminPort, metrics, health, log }),
  );
  events.started({ incarnation: incarnation(), boot: identity.boot, adminPort: admin.port });
  const owned = stack.move();
  return {
    adminPort: admin.port,
    health,
    async stop(): Promise<void> {
      reporter[Symbol.dispose]();
      standing[Symbol.dispose]();
      if (config.stopServicesOnExit) await services.stopAll();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function makeHealth(
  failure: string | undefined,
  outbox: Outbox,
  connection: { readonly connected: boolean; readonly reason: string },
): HealthReport {
  const storage = failure === undefined ? { ok: true } : { ok: false, detail: failure };
  const counted = `${outbox.size} facts, ${outbox.bytes} bytes, ${outbox.waitingCount} waiting`;
  const box = { ok: !outbox.isFull && outbox.waitingCount === 0, detail: counted };
  const bus = connection.connected ? { ok: true } : { ok: false, detail: connection.reason };
  const checks = { storage, outbox: box, bus };
  if (!storage.ok || outbox.isFull) return { status: "failed", checks };
  return { status: bus.ok && box.ok ? "ok" : "degraded", checks };
}

/** A database that LevelDB cannot read is set aside: the node must come back without a human. */
async function openDatabase(
  dataDir: string,
  events: Events,
  stack: AsyncDisposableStack,
): Promise<{ database: AgentDatabase; anew: boolean }> {
  const folder = join(dataDir, "state");
  const open = (): Promise<AgentDatabase> =>
    AgentDatabase.open({
      open: () => openLevelStore(folder),
      onFailure: (failure, error) => events.storageFailed(failure, error),
    });
  try {
    return { database: stack.use(await open()), anew: false };
  } catch (error) {
    if (!(error instanceof StoreDamagedError)) throw error;
    const aside = `${folder}.damaged-${systemClock.realtimeMs()}`;
    await rename(folder, aside);
    events.databaseDamaged(aside, error);
    return { database: stack.use(await open()), anew: true };
  }
}
