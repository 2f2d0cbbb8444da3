/**
 * The time without writes after a leader is lost, and whether any read meanwhile was stale.
 *
 * A leader that was stopped does not know that there is another. So reads are asked at the others
 * while it stands still, at itself just before it continues, and at all of them after that; each
 * must see the last write that was acknowledged before it was asked.
 */
import type { Prng } from "@atoll/stdx";
import { MEMBERS, type Cluster } from "./cluster.ts";
import { pause } from "../../support/processes.ts";

export type LeaderLoss = "SIGKILL" | "SIGSTOP";

export interface ReadCounts {
  readonly asked: number;
  readonly answered: number;
  /** Saw less than was acknowledged before they were asked. */
  readonly stale: number;
}

export interface FailoverResult {
  /** Until the next write was acknowledged, in milliseconds per trial. */
  readonly ms: readonly number[];
  /** Around stopped leaders; those that are killed are asked nothing. */
  readonly reads: ReadCounts;
}

const ATTEMPT_MS = 150;
const STOPPED_MS = 4000;
/** How long reads go on after the leader has continued. */
const CONTINUED_MS = 500;
const READ_EVERY_MS = 20;
/** A read that was asked at a stopped leader may be answered so much later. */
const LATE_READ_MS = 2000;
/** Until what was sent lies in the socket of the other. */
const SENT_MS = 20;

/** Loses leaders, one trial after the other. The moment within a heartbeat is random. */
export async function measureFailover(
  cluster: Cluster,
  loss: LeaderLoss,
  trials: number,
  prng: Prng,
): Promise<FailoverResult> {
  const outages: number[] = [];
  const reads = new WatchedReads(cluster);
  for (let trial = 0; trial < trials; trial += 1) {
    await cluster.healthy();
    const leader = await cluster.leader();
    // Streams to the others are open before, as those of a client in use would be.
    for (const tried of [0, 1]) await cluster.writeAvoiding(0, tried, 5000);
    await warmOthers(cluster, leader);
    await pause(prng.below(400));
    const beginMs = performance.now();
    await cluster.signal(leader, loss);
    reads.acknowledged(await writeUntilAcknowledged(cluster, leader));
    outages.push(performance.now() - beginMs);
    if (loss === "SIGKILL") await cluster.restart(leader);
    else await readAround(cluster, leader, beginMs + STOPPED_MS, reads);
  }
  const { asked, answered, stale } = reads;
  return { ms: outages, reads: { asked, answered, stale } };
}

/** Writes and reads while the leader is stopped; continues it at `endMs`, and reads on. */
async function readAround(
  cluster: Cluster,
  stopped: number,
  endMs: number,
  reads: WatchedReads,
): Promise<void> {
  const members = Array.from({ length: MEMBERS }, (_, at) => at + 1);
  const others = members.filter((member) => member !== stopped);
  const writeAndRead = async (at: readonly number[], untilMs: number): Promise<void> => {
    for (let tried = 0; performance.now() < untilMs; tried += 1) {
      await cluster.writeAvoiding(stopped, tried, ATTEMPT_MS).then(
        (position) => reads.acknowledged(position),
        () => undefined,
      );
      for (const member of at) await reads.ask(member, ATTEMPT_MS);
      await pause(READ_EVERY_MS);
    }
  };
  await writeAndRead(others, endMs);
  // It waits in the leader's socket, and is the first thing that it sees.
  const first = reads.ask(stopped, LATE_READ_MS);
  await pause(SENT_MS);
  await cluster.signal(stopped, "SIGCONT");
  await first;
  await writeAndRead(members, performance.now() + CONTINUED_MS);
}

/** Reads, and what the last acknowledged write obliges them to see. */
class WatchedReads {
  asked = 0;
  answered = 0;
  stale = 0;
  readonly #cluster: Cluster;
  #acknowledged = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  acknowledged(position: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, position);
  }

  /** No answer is no stale one. */
  async ask(member: number, timeoutMs: number): Promise<void> {
    const obliged = this.#acknowledged;
    this.asked += 1;
    const seen = await this.#cluster.readAt(member, timeoutMs).catch(() => undefined);
    if (seen === undefined) return;
    this.answered += 1;
    if (seen < obliged) this.stale += 1;
  }
}

async function warmOthers(cluster: Cluster, leader: number): Promise<void> {
  for (const tried of [0, 1]) {
    await cluster.writeAvoiding(leader, tried, 200).catch(() => undefined);
  }
}

async function writeUntilAcknowledged(cluster: Cluster, avoided: number): Promise<number> {
  for (let tried = 0; ; tried += 1) {
    try {
      return await cluster.writeAvoiding(avoided, tried, ATTEMPT_MS);
    } catch {
      await pause(3);
    }
  }
}
