/**
 * A datacenter's log and a chain of mirrors, in virtual time, under faults.
 *
 * The home's log grows and is compacted; one mirror follows the home, the other whoever it likes.
 * Links are slow and break, mirrors crash and lose what was not synced, one is changed behind its
 * back, the home is restored from a backup as another group. A mirror's state is that of the home
 * at the same index, always; in the end both have everything, and every change behind a mirror's
 * back was noticed.
 */
import * as codec from "@atoll/codec";
import { ReplicatedState } from "@atoll/control";
import { evolve, type LogEntry } from "@atoll/domain";
import { makeHistory } from "@atoll/domain/testing";
import { type EntryReader, type FeedItem, LogFeed } from "@atoll/federation";
import { Digest64, Prng } from "@atoll/stdx";
import { checksumHasher, SimulatedMirror, type MirrorSource } from "./simulated-mirror.ts";
import { VirtualClock } from "./virtual-clock.ts";
import { Violation } from "./violation.ts";

export interface MirrorSimulationResult {
  readonly failure: Error | undefined;
  readonly entries: number;
  readonly restores: number;
  readonly verified: number;
  readonly divergences: number;
  readonly faults: Readonly<Record<MirrorFault, number>>;
}

const FAULTS = ["linkBroken", "crashed", "changed", "compacted", "otherGroup"] as const;
type MirrorFault = (typeof FAULTS)[number];

const STEPS = 150;
const STEP_US_MAX = 30_000;
/** Virtual time in which everything must have come through once nothing fails any more. */
const REST_US = 15_000_000;
/** The home keeps the digest of its state behind so many entries each. */
const DIGEST_EVERY = 5;
const CHECKPOINT_US = 500_000;

export function simulateMirrors(seed: number): MirrorSimulationResult {
  const run = new MirrorRun(seed);
  let failure: Error | undefined;
  try {
    run.play();
    run.rest();
  } catch (error) {
    failure = error as Error;
  }
  return { failure, ...run.result() };
}

/** The home: a log that grows by itself, and may be compacted. */
class Home implements MirrorSource {
  readonly state: ReplicatedState = new ReplicatedState(codec);
  readonly #entries: Uint8Array[] = [];
  #first = 1;
  #group = 1;
  /** Digests of the state by index, of the present group. */
  readonly digests = new Map<number, string>();
  readonly feed: LogFeed;

  constructor(soon: (run: () => void) => void) {
    const store: EntryReader = {
      readEntries: ({ from, to, maxBytes }, done) => {
        if (from < this.#first) {
          done(Object.assign(new Error("compacted"), { code: "COMPACTED" }), []);
          return;
        }
        const items: FeedItem[] = [];
        let bytes = 0;
        for (let index = from; index < to && (bytes < maxBytes || index === from); index += 1) {
          const data = this.#entries[index - 1] as Uint8Array;
          bytes += data.length;
          items.push({ index, data });
        }
        soon(() => done(undefined, items));
      },
    };
    const groupId = (): string => this.groupId;
    const turns = { soon };
    this.feed = new LogFeed({
      state: this.state,
      store,
      groupId,
      turns,
      newHasher: checksumHasher,
      version: "1",
    });
  }

  get groupId(): string {
    return `group-${this.#group}`;
  }

  append(entry: LogEntry | undefined): void {
    const index = this.state.appliedIndex + 1;
    const data = entry === undefined ? new Uint8Array(0) : codec.encodeLogEntry(entry);
    this.#entries.push(data);
    this.state.apply(index, data);
    if (index % DIGEST_EVERY === 0) this.digests.set(index, digestOf(this.state));
  }

  compact(through: number): void {
    this.#first = Math.max(this.#first, through + 1);
  }

  /** The group is lost, and founded anew from what was known at some earlier time. */
  restoreAsAnotherGroup(index: number, chunks: readonly Uint8Array[]): void {
    this.#group += 1;
    this.#entries.length = index;
    this.#first = index + 1;
    this.digests.clear();
    this.state.restore(index, chunks);
    this.digests.set(index, digestOf(this.state));
    this.feed.restored();
  }
}

class MirrorRun {
  readonly #prng: Prng;
  readonly #clock = new VirtualClock();
  readonly #home: Home;
  readonly #mirrors: readonly SimulatedMirror[];
  readonly #faults: Record<MirrorFault, number>;
  readonly #historySeed: number;
  /** Whether mirrors are changed behind their back; without, they are right at every moment. */
  readonly #changes: boolean;
  #entries = 0;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
    this.#changes = this.#prng.chance(1, 2);
    this.#historySeed = this.#prng.between(1, 2 ** 31);
    this.#home = new Home((run) => void this.#clock.schedule(this.#prng.between(1, 300), run));
    const world = { clock: this.#clock, prng: this.#prng };
    this.#mirrors = [new SimulatedMirror(world), new SimulatedMirror(world)];
    this.#faults = Object.fromEntries(FAULTS.map((fault) => [fault, 0])) as Record<
      MirrorFault,
      number
    >;
    this.#checkpointSoon();
  }

  result(): Omit<MirrorSimulationResult, "failure"> {
    const sum = (read: (mirror: SimulatedMirror) => number): number =>
      this.#mirrors.reduce((total, mirror) => total + read(mirror), 0);
    return {
      entries: this.#entries,
      restores: sum(({ restores }) => restores),
      verified: sum(({ verified }) => verified),
      divergences: sum(({ divergences }) => divergences.length),
      faults: this.#faults,
    };
  }

  play(): void {
    let history = makeHistory(this.#historySeed, STEPS);
    const prng = this.#prng;
    let backup = { index: 0, chunks: [] as Uint8Array[] };
    for (let step = 0; step < STEPS; step += 1) {
      if (prng.chance(1, 10)) this.#append(undefined);
      const next = history.next();
      if (next.done !== true) this.#append(next.value.entry);
      if (prng.chance(1, 40)) {
        backup = { index: this.#home.state.appliedIndex, chunks: this.#home.state.snapshot() };
      }
      if (prng.chance(1, 200) && backup.index > 0) {
        this.#count("otherGroup");
        this.#home.restoreAsAnotherGroup(backup.index, backup.chunks);
        history = makeHistory(prng.between(1, 2 ** 31), STEPS, codec.decodeSnapshot(backup.chunks));
      }
      this.#fail();
      this.#run(prng.between(0, STEP_US_MAX));
    }
  }

  /** Nothing fails any more: in the end everything is everywhere. */
  rest(): void {
    for (const mirror of this.#mirrors) if (mirror.down) mirror.start();
    this.#run(1_000_000);
    const [first, second] = this.#mirrors as [SimulatedMirror, SimulatedMirror];
    first.follow(this.#home);
    second.follow(first);
    this.#run(REST_US);
    for (const mirror of this.#mirrors) {
      const { appliedIndex } = this.#home.state;
      if (mirror.state.appliedIndex !== appliedIndex || mirror.groupId !== this.#home.groupId) {
        const has = `${mirror.groupId} ${mirror.state.appliedIndex}`;
        throw new Violation(`a mirror has ${has} of ${this.#home.groupId} ${appliedIndex}`);
      }
      this.#check(mirror, { get: () => digestOf(this.#home.state) });
    }
  }

  #append(entry: LogEntry | undefined): void {
    this.#entries += 1;
    this.#home.append(entry);
  }

  #count(fault: MirrorFault): void {
    this.#faults[fault] += 1;
  }

  #fail(): void {
    const prng = this.#prng;
    if (prng.chance(1, 30)) {
      this.#count("compacted");
      this.#home.compact(this.#home.state.appliedIndex - prng.between(0, 30));
    }
    for (const mirror of this.#mirrors) {
      if (mirror.down) {
        if (prng.chance(1, 5)) mirror.start();
      } else if (prng.chance(1, 60)) {
        this.#count("crashed");
        mirror.crash();
      } else if (!mirror.following || prng.chance(1, 25)) {
        if (mirror.following) this.#count("linkBroken");
        mirror.follow(prng.pick(this.#sourcesOf(mirror)));
      } else if (this.#changes && prng.chance(1, 150) && this.#change(mirror)) {
        this.#count("changed");
      }
    }
  }

  /** The first follows the home alone, so that nobody feeds himself. */
  #sourcesOf(mirror: SimulatedMirror): MirrorSource[] {
    const [first] = this.#mirrors as [SimulatedMirror];
    return mirror === first ? [this.#home] : [this.#home, first];
  }

  /** Something in the memory of a mirror is not what it was. */
  #change(mirror: SimulatedMirror): boolean {
    const { datacenter, appliedIndex } = mirror.state;
    const [node] = datacenter.nodes();
    if (node === undefined) return false;
    const { name, location } = node;
    const event = { type: "nodeUpdated", node: name, labels: { not: "so" }, location } as const;
    evolve(datacenter, event, { index: appliedIndex, offset: 0, stampMs: 1 }, "nobody");
    return true;
  }

  #run(us: number): void {
    this.#clock.runUntil(this.#clock.nowUs + us);
    if (!this.#changes) for (const mirror of this.#mirrors) this.#check(mirror, this.#home.digests);
  }

  /** Its state is that of the home at the same index. */
  #check(
    { state, groupId }: SimulatedMirror,
    expectedAt: { get(index: number): string | undefined },
  ): void {
    if (groupId !== this.#home.groupId) return;
    const { appliedIndex } = state;
    const expected = expectedAt.get(appliedIndex);
    if (expected === undefined || expected === digestOf(state)) return;
    throw new Violation(`a mirror differs from the home at ${groupId} ${appliedIndex}`);
  }

  #checkpointSoon(): void {
    this.#clock.schedule(CHECKPOINT_US, () => {
      this.#home.feed.checkpoint();
      for (const { feed } of this.#mirrors) feed?.checkpoint();
      this.#checkpointSoon();
    });
  }
}

function digestOf(state: ReplicatedState): string {
  const digest = new Digest64();
  for (const chunk of state.snapshot()) digest.bytes(chunk);
  return digest.hex();
}
