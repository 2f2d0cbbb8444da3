/**
 * A simulated node with a whole agent on it: real outbox, journal, fencing and conversation over a
 * disk in memory, simulated services below.
 *
 * Can be hit by everything that hits a node: its services crash, its agent is killed, its power
 * goes, its disk is replaced. What the node itself remembers of orders is the ledger's.
 */
import {
  ActionExecutor,
  ActionJournal,
  AgentDatabase,
  type AgentStorage,
  BusLink,
  DatabaseClosedError,
  FactReporter,
  Maintenance,
  MemoryDisk,
  NodeServices,
  Outbox,
} from "@atoll/agent-core";
import type { DatacenterName, Fact, NodeName } from "@atoll/domain";
import type { AgentBus } from "@atoll/event-bus";
import type { Clock, Prng } from "@atoll/stdx";
import type { Tally } from "../report/tally.ts";
import { FactTimes } from "./fact-times.ts";
import { Ledger } from "./ledger.ts";
import { SimulatedFiles } from "./simulated-files.ts";
import { simulatedInventory } from "./simulated-inventory.ts";
import { InterruptedError, SimulatedServices, type WorkOptions } from "./simulated-services.ts";

export interface FleetNodeOptions {
  readonly datacenter: DatacenterName;
  readonly name: NodeName;
  readonly labels: Readonly<Record<string, string>>;
  readonly work: WorkOptions;
  readonly connect: () => AgentBus;
  readonly clock: Clock;
  readonly random: Prng;
  readonly tally: Tally;
  /** Of what changes with every start over all runs of the program. */
  readonly runId: string;
  /** A broken invariant. */
  readonly onBroken: (error: unknown) => void;
}

/** What a kill of the agent leaves. */
interface Disk {
  readonly content: MemoryDisk;
  incarnation: string;
  boot: number;
}

interface RunningAgent {
  readonly storage: AgentStorage;
  readonly reporter: FactReporter;
  readonly stack: AsyncDisposableStack;
  link: BusLink;
  makeLink(): BusLink;
}

const AGENT_VERSION = "fleet";
/** One key that no role can want. */
const NO_SERVICE = "fleet/none" as Extract<Fact, { type: "serviceForgotten" }>["key"];

export class FleetNode {
  readonly name: NodeName;
  readonly #options: FleetNodeOptions;
  readonly #services: { readonly process: SimulatedServices; readonly systemd: SimulatedServices };
  readonly #files = new SimulatedFiles();
  readonly #ledger: Ledger;
  readonly #times: FactTimes;
  #disk: Disk;
  #wipes = 0;
  #powerCycles = 0;
  #facts = 0;
  #agent: RunningAgent | undefined;
  #connected = false;
  /** Starts and ends follow each other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(options: FleetNodeOptions) {
    const { work, tally } = options;
    this.name = options.name;
    this.#options = options;
    this.#services = {
      process: new SimulatedServices(work),
      systemd: new SimulatedServices(work),
    };
    this.#times = new FactTimes(tally);
    this.#ledger = new Ledger({
      incarnation: () => this.#disk.incarnation,
      onOrder: () => tally.count("ordersReceived"),
      onAccepted: ({ order }) => {
        tally.count("ordersAccepted");
        this.#times.ordered(order);
      },
      onDirective: ({ incarnation, committed }) => {
        if (incarnation === this.#disk.incarnation) this.#times.committed(committed);
      },
      onViolation: (violation, words) => tally.violated(violation, `${this.name}: ${words}`),
    });
    this.#disk = this.#newDisk();
  }

  get running(): boolean {
    return this.#agent !== undefined;
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Facts that are not known to be committed. */
  get waiting(): number {
    return this.#agent === undefined ? this.#times.waiting : this.#agent.storage.outbox.size;
  }

  get openActions(): number {
    return this.#agent?.storage.journal.openCount ?? 0;
  }

  /** Whether the log is known to hold everything, the first fact at least. */
  get settled(): boolean {
    const committed = this.#agent?.storage.outbox.committed.sequence ?? 0;
    return committed > 0 && this.waiting === 0;
  }

  start(): Promise<void> {
    return this.#next(() => this.#start());
  }

  /** The agent is killed; node and services go on. */
  kill(): Promise<void> {
    return this.#next(() => this.#end());
  }

  losePower(): Promise<void> {
    return this.#next(async () => {
      await this.#end();
      this.#powerCycles += 1;
      for (const services of Object.values(this.#services)) services.losePower();
    });
  }

  /** Reinstalled under its old name: a new disk, nothing runs, nothing is remembered. */
  wipe(): Promise<void> {
    return this.#next(async () => {
      await this.#end();
      this.#wipes += 1;
      this.#powerCycles += 1;
      this.#options.tally.count("factsWiped", this.#times.forgetAll());
      for (const services of Object.values(this.#services)) services.wipe();
      this.#files.wipe();
      this.#disk = this.#newDisk();
    });
  }

  /** The connection is cut and dialled again at once; the agent lives on. */
  reconnect(): Promise<void> {
    return this.#next(async () => {
      const agent = this.#agent;
      if (agent === undefined) return;
      await agent.link[Symbol.asyncDispose]();
      agent.link = agent.makeLink();
      agent.link.start();
    });
  }

  /** One change that the orchestrator must log, of about `bytes`. */
  change(bytes: number): void {
    const { tally, clock } = this.#options;
    const agent = this.#agent;
    if (agent === undefined) {
      tally.count("factsNotMade");
      return;
    }
    this.#facts += 1;
    tally.count("changes");
    // Unique, so that the log can be searched for it.
    const reason = `${this.name}#${this.#facts} ${"x".repeat(bytes)}`.slice(0, bytes);
    for (const services of Object.values(this.#services)) {
      const running = services.findRunning();
      if (running === undefined) continue;
      services.report(running.key, "healthy", reason);
      return;
    }
    const observedAtMs = clock.realtimeMs();
    this.#append(agent, { type: "serviceRestartedAlone", observedAtMs, key: NO_SERVICE, reason });
  }

  crashService(): void {
    if (this.#agent === undefined) return;
    for (const services of Object.values(this.#services)) {
      const running = services.findRunning();
      if (running === undefined) continue;
      this.#times.crashed(running.key);
      services.report(running.key, "crashed", "killed by signal 9");
      return;
    }
  }

  /** A service that runs goes down, one that is down comes up by itself. */
  flap(): void {
    if (this.#agent === undefined) return;
    for (const services of Object.values(this.#services)) {
      for (const { key, status } of services.list()) {
        const up = status === "healthy";
        services.report(key, up ? "unhealthy" : "healthy", up ? "flapping" : "");
        return;
      }
    }
  }

  #next(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).catch(this.#options.onBroken);
    return this.#turn;
  }

  async #start(): Promise<void> {
    if (this.#agent !== undefined) return;
    const disk = this.#disk;
    disk.boot += 1;
    const stack = new AsyncDisposableStack();
    const instance = `${disk.incarnation}.${disk.boot}`;
    const startedOver = (): void => this.#startOver(disk);
    const storage = await openNodeStorage(disk, instance, { stack, startedOver });
    const { outbox, journal } = storage;
    outbox.onStored(() => this.#times.taken(outbox.last));
    const { clock, tally, labels } = this.#options;
    const services = new NodeServices(this.#services);
    const executor = new ActionExecutor({
      journal,
      services,
      files: this.#files,
      clock,
      onFinished: () => tally.count("actionsFinished"),
    });
    const reporter = stack.use(
      new FactReporter({
        outbox,
        services,
        files: this.#files,
        clock,
        agentVersion: AGENT_VERSION,
        bootId: `${this.name}-${this.#powerCycles}`,
        labels,
        onBroken: this.#onBroken,
      }),
    );
    const makeLink = (): BusLink => this.#makeLink({ storage, instance }, executor, reporter);
    const agent = { storage, reporter, stack, makeLink, link: makeLink() };
    this.#agent = agent;
    reporter.start();
    executor.recover().catch(this.#onBroken);
    if (disk.boot === 1) this.#reportInventory(agent);
    agent.link.start();
  }

  async #end(): Promise<void> {
    const agent = this.#agent;
    if (agent === undefined) return;
    this.#agent = undefined;
    this.#connected = false;
    for (const services of Object.values(this.#services)) services.interrupt();
    await agent.link[Symbol.asyncDispose]();
    await agent.stack.disposeAsync();
  }

  #makeLink(
    { storage, instance }: { readonly storage: AgentStorage; readonly instance: string },
    executor: ActionExecutor,
    reporter: FactReporter,
  ): BusLink {
    const { datacenter, name, clock, random, tally, connect } = this.#options;
    return new BusLink({
      config: { datacenter, node: name, mode: "act" },
      process: {
        instance,
        host: name,
        bootId: `${name}-${this.#powerCycles}`,
        pid: process.pid,
      },
      bus: this.#ledger.watch(connect()),
      storage,
      executor: {
        run: (entry) => {
          tally.count("actionsRun");
          this.#ledger.began(entry.action);
          return executor.run(entry);
        },
        hasBegun: (action) => executor.hasBegun(action),
      },
      standing: {
        connectionChanged: (connected) => {
          if (this.#connected && !connected) tally.count("connectionsLost");
          this.#connected = connected;
        },
      },
      events: {
        connectionChanged: () => {},
        orderAnswered: (code) => {
          if (code !== "accepted") tally.count("ordersRefused");
        },
        resend: () => tally.count("resends"),
        publishFailed: () => tally.count("publishFailures"),
        oddMessage: () => tally.count("oddMessages"),
        startedOver: () => tally.count("startedOver"),
      },
      clock,
      random: random.child(`link ${this.#disk.boot}`),
      announce: () => {
        reporter.announce();
        if (this.#agent !== undefined) this.#reportInventory(this.#agent);
        return Promise.resolve();
      },
      lookAnew: () => {
        if (this.#agent !== undefined) this.#reportInventory(this.#agent);
        return Promise.resolve();
      },
      onBroken: this.#onBroken,
    });
  }

  #reportInventory(agent: RunningAgent): void {
    const observedAtMs = this.#options.clock.realtimeMs();
    const inventory = simulatedInventory(this.name);
    this.#append(agent, { type: "inventoryObserved", observedAtMs, inventory });
  }

  #append({ storage }: RunningAgent, fact: Fact): void {
    storage.outbox.append(fact).catch(this.#onBroken);
  }

  #newDisk(): Disk {
    return { content: new MemoryDisk(), incarnation: this.#newIncarnation(), boot: 0 };
  }

  #newIncarnation(): string {
    return `${this.#options.runId}-${this.name}-${this.#wipes}`;
  }

  /** What waits is taken along. */
  #startOver(disk: Disk): void {
    this.#wipes += 1;
    disk.incarnation = this.#newIncarnation();
    disk.boot += 1;
  }

  /** Work that an end has cut off is no fault. */
  readonly #onBroken = (error: unknown): void => {
    const cut = error instanceof DatabaseClosedError || error instanceof InterruptedError;
    if (!cut) this.#options.onBroken(error);
  };
}

async function openNodeStorage(
  disk: Disk,
  instance: string,
  {
    stack,
    startedOver,
  }: { readonly stack: AsyncDisposableStack; readonly startedOver: () => void },
): Promise<AgentStorage> {
  const database = stack.use(
    await AgentDatabase.open({ open: () => disk.content.open(), onFailure: () => {} }),
  );
  const { boot, incarnation } = disk;
  const outbox = await Outbox.open({ database, boot, incarnation, instance });
  const journal = await ActionJournal.open(database, outbox);
  const maintenance = await Maintenance.open(database);
  return {
    database,
    outbox,
    journal,
    maintenance,
    identity: () => ({ incarnation: disk.incarnation, boot: disk.boot }),
    async startOver(): Promise<void> {
      startedOver();
      await Promise.all([outbox.startOver(disk.boot, disk.incarnation), journal.startOver()]);
    },
  };
}
