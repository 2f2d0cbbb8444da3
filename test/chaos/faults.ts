/**
 * What goes wrong in a chaos run, one thing after the other, often before the last one is over.
 *
 * What comes, whom it meets and how long it lasts are drawn from the seed; when it strikes depends
 * on the machine. Every fault comes once before any comes again. Whatever it has broken, it brings
 * back, so that in the end only `Field.heal` must wait.
 */
import { setTimeout as delay } from "node:timers/promises";
import { NodeState } from "@atoll/proto/atoll/v1/node";
import type { Prng } from "@atoll/stdx";
import type { Field } from "./field.ts";
import { SERVICES } from "./role.ts";

export const FAULTS = [
  "natsKilled",
  "natsStopped",
  "natsWiped",
  "natsRolledBack",
  "allNatsKilled",
  "streamDeleted",
  "replicaKilled",
  "leaderKilled",
  "twoReplicasKilled",
  "allReplicasKilled",
  "replicaStopped",
  "leaderStopped",
  "gatewayKilled",
  "agentKilled",
  "agentKilledAtOnce",
  "agentStopped",
  "agentWiped",
  "agentDiskFull",
  "agentCopied",
  "agentNamedTwice",
  "servicesKilled",
  "allAgentsKilled",
  "everythingKilled",
] as const;

export type Fault = (typeof FAULTS)[number];

/** A replica that stands still for as long as the design asks it to survive. */
const STOPPED_MS_MAX = 5_000;
/** Within so long two agents under one name are found, whatever else goes wrong meanwhile. */
const NAMED_MS_MAX = 45_000;
const LOOK_MS = 100;

export class Faults {
  readonly counts = new Map<Fault, number>();
  readonly #field: Field;
  readonly #prng: Prng;
  #next: Fault[] = [];

  constructor(field: Field, prng: Prng) {
    this.#field = field;
    this.#prng = prng;
  }

  /** Strikes once and lasts until what it broke has been brought back. */
  async strike(told: (fault: Fault) => void): Promise<void> {
    if (this.#next.length === 0) this.#next = this.#prng.shuffle(FAULTS);
    const fault = this.#next.shift() as Fault;
    told(fault);
    await this.#strike(fault);
    this.counts.set(fault, (this.counts.get(fault) ?? 0) + 1);
  }

  /** Services die, and files are changed, all the time. */
  async wear(): Promise<void> {
    const agent = this.#prng.pick(this.#field.agents);
    if (this.#prng.chance(1, 6))
      this.#field.changeFile(agent, `by hand ${this.#prng.between(0, 999)}\n`);
    else this.#field.killService(agent, this.#prng.pick(SERVICES));
    await delay(this.#prng.between(50, 600));
  }

  async #strike(fault: Fault): Promise<void> {
    const field = this.#field;
    const agent = this.#prng.pick(field.agents);
    const replicas = field.those("orchestrator").map(({ name }) => name);
    const replica = this.#prng.pick(replicas);
    const allNats = field.those("nats").map(({ name }) => name);
    const nats = this.#prng.pick(allNats);
    switch (fault) {
      case "natsKilled":
        return this.#killed([nats], 3_000);
      case "natsStopped":
        return this.#stopped(nats, STOPPED_MS_MAX);
      case "natsWiped":
        return this.#killed([nats], 2_000, () => field.wipeNats(nats));
      case "natsRolledBack":
        return this.#rolledBack(nats);
      case "allNatsKilled":
        return this.#killed(allNats, 3_000);
      case "streamDeleted":
        return field.deleteStream();
      case "replicaKilled":
        return this.#killed([replica], 3_000);
      case "leaderKilled":
        return this.#killed([await this.#leader(replica)], 3_000);
      case "twoReplicasKilled":
        return this.#killed(
          replicas.filter((name) => name !== replica),
          3_000,
        );
      case "allReplicasKilled":
        return this.#killed(replicas, 2_000);
      case "replicaStopped":
        return this.#stopped(replica, STOPPED_MS_MAX);
      case "leaderStopped":
        return this.#stopped(await this.#leader(replica), STOPPED_MS_MAX);
      case "gatewayKilled":
        return this.#killed(["gateway"], 1_000);
      case "agentKilled":
        return this.#killed([agent], 4_000);
      case "agentKilledAtOnce":
        // In the middle of what it does when it starts.
        await this.#killed([agent], 100);
        await delay(this.#prng.between(100, 1_500));
        return this.#killed([agent], 100);
      case "agentStopped":
        return this.#stopped(agent, STOPPED_MS_MAX);
      case "agentWiped":
        return this.#killed([agent], 500, () => field.wipeAgent(agent));
      case "agentDiskFull":
        return this.#diskFull(agent);
      case "agentCopied":
        return this.#twinned(agent, true);
      case "agentNamedTwice":
        return this.#twinned(agent, false);
      case "servicesKilled":
        for (const service of SERVICES) field.killService(agent, service);
        return undefined;
      case "allAgentsKilled":
        return this.#killed(field.agents, 2_000);
      case "everythingKilled":
        return this.#killed(
          field.lab.processes.map(({ name }) => name),
          1_000,
        );
    }
  }

  async #killed(names: readonly string[], msMax: number, meanwhile?: () => void): Promise<void> {
    await this.#field.kill(...names);
    meanwhile?.();
    await delay(this.#prng.between(0, msMax));
    for (const name of names) this.#field.bringBack(name);
  }

  async #stopped(name: string, msMax: number): Promise<void> {
    this.#field.lab.pause(name);
    await delay(this.#prng.between(200, msMax));
    this.#field.lab.resume(name);
  }

  /** Its store is kept as it is, and a little later brought back in place of what came after. */
  async #rolledBack(nats: string): Promise<void> {
    await this.#killed([nats], 200, () => this.#field.keepNats(nats));
    await delay(this.#prng.between(1_000, 5_000));
    await this.#killed([nats], 200, () => this.#field.rollBackNats(nats));
  }

  async #diskFull(agent: string): Promise<void> {
    const field = this.#field;
    if (!field.hasSmallDisks) return;
    field.fillDisk(agent);
    for (const service of SERVICES) field.killService(agent, service);
    await delay(this.#prng.between(500, 5_000));
    field.giveRoom(agent);
  }

  /** A second agent under the name, until both are named and a little longer. */
  async #twinned(agent: string, copied: boolean): Promise<void> {
    const field = this.#field;
    // A third beside two that are named already is not named for itself.
    if (field.twinsOf(agent).length > 0 && (await this.#isContested(agent)) !== false) return;
    const twin = await field.startTwin(agent, copied);
    field.episodes.push({ node: agent, pid: twin.pid });
    const untilMs = performance.now() + NAMED_MS_MAX;
    while (performance.now() < untilMs && (await this.#isContested(agent)) !== true) {
      await delay(LOOK_MS);
    }
    await delay(this.#prng.between(0, 3_000));
    await twin.end();
  }

  /** Undefined when nobody answers. */
  async #isContested(agent: string): Promise<boolean | undefined> {
    const node = await this.#field.api.node(agent).catch(() => undefined);
    return node === undefined ? undefined : node.state === NodeState.NODE_STATE_CONTESTED;
  }

  async #leader(other: string): Promise<string> {
    return this.#field.api.leader().catch(() => other);
  }
}
