/**
 * The agent put together: what is on disk first, then drivers, then the bus.
 *
 * The order of the start matters: services are adopted before the first fact says what runs, and
 * actions that an earlier agent left open are ended before new ones are taken.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import {
  ActionExecutor,
  type AgentStorage,
  BusLink,
  DatabaseClosedError,
  FactReporter,
} from "@atoll/agent-core";
import type { Inventory } from "@atoll/domain";
import { readBootId, readInventory } from "@atoll/drivers";
import type { AgentBus } from "@atoll/event-bus";
import {
  type HealthReport,
  type Log,
  startAdminServer,
  systemClock,
} from "@atoll/service-kit/process";
import { type Clock, Prng } from "@atoll/stdx";
import type { Config } from "./config.ts";
import { Events, type Figures } from "./events.ts";
import { makeHealth } from "./health.ts";
import { AgentMetrics } from "./metrics.ts";
import { InventoryWatch } from "./observing/inventory-watch.ts";
import { StandingOrders } from "./observing/standing-orders.ts";
import { type Drivers, openDrivers } from "./open-drivers.ts";
import { openStorage } from "./open-storage.ts";
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
  const { log, clock = systemClock } = parts;
  await using stack = new AsyncDisposableStack();
  let figures: () => Figures | undefined = () => undefined;
  const metrics = new AgentMetrics();
  const events = new Events(log, metrics, () => figures());
  const instance = randomBytes(8).toString("hex");
  const storage = await openStorage(config, { instance, events, clock, stack });
  const drivers = await openDrivers(config, events, stack);
  const { observers, executor } = observe(config, parts, { storage, drivers, events, stack });
  const { reporter, inventory, standing } = observers;
  const link = stack.use(
    new BusLink({
      config,
      process: { instance, host: hostname(), bootId: readBootId(), pid: process.pid },
      bus: parts.connect(),
      storage,
      executor,
      standing,
      events,
      clock,
      random: new Prng(randomBytes(4).readUInt32LE(0)).child("resend"),
      lookAnew: () => inventory.lookAnew(),
      announce: async () => {
        reporter.announce();
        await inventory.lookAnew();
      },
      onBroken,
    }),
  );
  link.start();
  const { outbox, database, identity } = storage;
  figures = () => figuresOf(storage, drivers, link.connection.connected);
  const health = (): HealthReport =>
    makeHealth({ storageFailure: database.failure, outbox, connection: link.connection });
  const admin = stack.use(
    await startAdminServer({ host: "127.0.0.1", port: config.adminPort, metrics, health, log }),
  );
  events.started({ ...identity(), adminPort: admin.port });
  const owned = stack.move();
  return {
    adminPort: admin.port,
    health,
    async stop(): Promise<void> {
      reporter[Symbol.dispose]();
      standing[Symbol.dispose]();
      if (config.stopServicesOnExit) await drivers.services.stopAll();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Observers {
  readonly reporter: FactReporter;
  readonly inventory: InventoryWatch;
  readonly standing: StandingOrders;
}

/** Begins to observe, and ends what an earlier agent had begun. */
function observe(
  config: Config,
  { clock = systemClock, readInventory: read = readInventory, aloneAfterMs }: AppParts,
  made: {
    readonly storage: AgentStorage;
    readonly drivers: Drivers;
    readonly events: Events;
    readonly stack: AsyncDisposableStack;
  },
): { readonly observers: Observers; readonly executor: ActionExecutor } {
  const { events, stack } = made;
  const { outbox, journal, maintenance } = made.storage;
  const { services, files } = made.drivers;
  const { labels } = config;
  const agent = { agentVersion: AGENT_VERSION, bootId: readBootId(), labels };
  const reporter = new FactReporter({ outbox, services, files, clock, ...agent, onBroken });
  const inventory = new InventoryWatch({ read: () => read(), outbox, clock, onBroken });
  const executor = new ActionExecutor({
    journal,
    services,
    files,
    clock,
    onFinished: (entry, result) => events.actionFinished(entry, result),
  });
  const standing = new StandingOrders({
    services,
    executor,
    report: (fact) => void outbox.append(fact).catch(onBroken),
    clock,
    allowed: () => config.mode === "act" && !maintenance.active,
    onRestart: (key, reason) => events.restartedAlone(key, reason),
    onBroken,
    ...(aloneAfterMs === undefined ? {} : { aloneAfterMs }),
  });
  for (const each of [reporter, inventory, standing]) stack.use(each);
  reporter.start();
  executor.recover().catch(onBroken);
  inventory.start();
  return { observers: { reporter, inventory, standing }, executor };
}

/** A broken invariant: better no agent than a wrong one. Services keep running. */
function onBroken(error: unknown): void {
  if (error instanceof DatabaseClosedError) return;
  setImmediate(() => {
    throw error;
  });
}

function figuresOf({ outbox }: AgentStorage, drivers: Drivers, connected: boolean): Figures {
  return {
    outboxFacts: outbox.size,
    outboxBytes: outbox.bytes,
    outboxWaiting: outbox.waitingCount,
    outboxStaged: outbox.stagedCount,
    services: drivers.services.list().length,
    files: drivers.files.list().length,
    connected,
  };
}
